"""What is recorded around meetings one thing at a time: who came, what was sent, asked, said and agreed.

Much of it may also stand in the record of `meeting.held`; these are for systems that learn
it before or after, and for what happens without a meeting.  Views themselves, minutes and
reports stay in the council's system: recorded is that there are some.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from shared.domain.catalogue.base import MAX_ITEMS, AtMeeting, CivilDate, EventData
from shared.domain.catalogue.identifiers import ActionId, MeetingId
from shared.domain.catalogue.meeting import Attendance, Extent
from shared.domain.catalogue.permanence import Route
from shared.domain.catalogue.roles import Role
from shared.domain.ids import Code


class ViewsResponse(StrEnum):
    """What came of asking for somebody's views; nobody has to have any."""

    GIVEN = "given"
    DECLINED = "declined"
    NO_ANSWER = "no_answer"
    NOT_ABLE = "not_able"


class AttendanceRecorded(EventData):
    """Who of those invited to a meeting came, recorded apart from the meeting itself.

    It does not say that the meeting was held.  Neither review dates nor milestones rest on it today.
    """

    meeting_id: MeetingId
    attendance: tuple[Attendance, ...] = Field(
        min_length=1, max_length=MAX_ITEMS, description="Who was invited, whether they came, and whether they reported."
    )


class ReportSubmitted(EventData):
    """A report for a meeting arrived; it is owed even by those who cannot come (source report, lines 620-622).

    Neither review dates nor milestones rest on it today.
    """

    meeting_id: MeetingId
    submitted_by: Role = Field(description="Whose report it is.")
    report_kind: Code | None = Field(default=None, description="A code from the council's own list.")
    in_time: bool | None = Field(default=None, description="Whether it came by the day that the council asks for.")


class MinuteFinalised(EventData):
    """The minute of a meeting was finalised.

    Neither review dates nor milestones rest on it today.
    """

    meeting_id: MeetingId
    edition: int = Field(default=1, ge=1, le=999, description="Counts up when a minute is finalised again.")
    shared_with: tuple[Role, ...] = Field(default=(), max_length=MAX_ITEMS, description="Who was given it.")


class ActionAgreed(AtMeeting):
    """An action was agreed, with who is to do it and by when.

    Neither review dates nor milestones rest on it today.
    """

    action_id: ActionId
    owner: Role = Field(description="Who is to do it.")
    due_on: CivilDate | None = Field(default=None, description="By when.")


class ActionCompleted(AtMeeting):
    """An action that had been agreed was completed.

    Neither review dates nor milestones rest on it today.
    """

    action_id: ActionId


class ViewsSought(AtMeeting):
    """Somebody's views were sought, be it the child's or a parent's (source report, lines 525-536).

    Neither review dates nor milestones rest on it today.
    """

    of: Role = Field(description="Whose views.")
    method: Code | None = Field(default=None, description="For instance `conversation`, `software`, `advocate`.")
    response: ViewsResponse | None = None


class ViewsRecorded(AtMeeting):
    """Somebody's views were written down, where the council keeps them: what was said is not told here.

    Neither review dates nor milestones rest on it today.
    """

    of: Role = Field(description="Whose views.")
    method: Code | None = Field(default=None, description="For instance `conversation`, `software`, `advocate`.")


class PermanenceDiscussed(AtMeeting):
    """Permanence was discussed, at a meeting or in any conversation (source report, lines 55-63).

    Journeys: reaches the milestone if it was discussed in full and a parent was part of it.
    """

    extent: Extent = Field(description="How far it was discussed.")
    discussed_with: tuple[Role, ...] = Field(
        min_length=1, max_length=MAX_ITEMS, description="With whom it was discussed."
    )
    purpose_explained: Extent | None = Field(
        default=None, description="Were they told that the purpose is to decide on the child's permanent home?"
    )
    routes_discussed: tuple[Route, ...] = Field(
        default=(), max_length=MAX_ITEMS, description="Which routes were named."
    )


class LeafletGiven(AtMeeting):
    """The leaflet about permanence was given to somebody (source report, lines 478-480).

    Neither review dates nor milestones rest on it today.
    """

    given_to: tuple[Role, ...] = Field(min_length=1, max_length=MAX_ITEMS, description="Who took it.")
    edition: Code | None = Field(default=None, description="Which edition of the leaflet.")
    language: Code | None = Field(default=None, description="Its language, for instance `en`.")
