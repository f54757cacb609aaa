"""Data as it was in earlier versions, and how it reads in the next.

A version that was released is accepted and served for ever; nothing here is ever removed.
Between versions an upcaster carries over what was said, leaves out what was left out, and
never invents: where the old data cannot tell, the new says so or stays silent.
"""

from __future__ import annotations

from typing import Any

from shared.domain.catalogue.base import EventData
from shared.domain.catalogue.identifiers import MeetingId, PlanId
from shared.domain.catalogue.plan import CarePlanAgreed
from shared.domain.catalogue.roles import Role


class CarePlanAgreedV1(EventData):
    """A care plan was agreed; told is only whether it was with the parents."""

    plan_id: PlanId
    agreed_with_parents: bool
    meeting_id: MeetingId | None = None


def care_plan_agreed_v2(old: CarePlanAgreedV1) -> CarePlanAgreed:
    """Read "with the parents" as the role; whether anybody else agreed, version 1 could not say."""
    carried = _said(old, but="agreed_with_parents")
    return CarePlanAgreed(**carried, agreed_with=(Role.PARENT,) if old.agreed_with_parents else ())


def _said(old: EventData, *, but: str) -> dict[str, Any]:
    """Return the members that were said, without ``but``."""
    return {name: getattr(old, name) for name in old.model_fields_set if name != but}
