"""Who takes part in a child's care, by role: no event ever names a person."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Who takes part, by role and never by name."""

    CHILD = "child"
    PARENT = "parent"
    PERSON_WITH_PARENTAL_RIGHTS = "person_with_parental_rights"
    KINSHIP_CARER = "kinship_carer"
    FOSTER_CARER = "foster_carer"
    RESIDENTIAL_WORKER = "residential_worker"
    PROSPECTIVE_ADOPTER = "prospective_adopter"
    SOCIAL_WORKER = "social_worker"
    TEAM_LEADER = "team_leader"
    SERVICE_MANAGER = "service_manager"
    CHIEF_SOCIAL_WORK_OFFICER = "chief_social_work_officer"
    INDEPENDENT_REVIEWING_OFFICER = "independent_reviewing_officer"
    PERMANENCE_LEAD = "permanence_lead"
    DATA_LEAD = "data_lead"
    ADMINISTRATOR = "administrator"
    SOLICITOR = "solicitor"
    PAEDIATRICIAN = "paediatrician"
    HEALTH = "health"
    EDUCATION = "education"
    CHILDRENS_REPORTER = "childrens_reporter"
    HEARINGS_PANEL_MEMBER = "hearings_panel_member"
    PANEL_CHAIR = "panel_chair"
    AGENCY_DECISION_MAKER = "agency_decision_maker"
    ADVOCACY_WORKER = "advocacy_worker"
    OTHER_AGENCY = "other_agency"
