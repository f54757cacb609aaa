"""The identifiers that tie events to one another; the council's own system chooses them all.

They are opaque, and unique within a child's stream at least.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.domain.ids import Identifier

EpisodeId = Annotated[Identifier, Field(description="The episode of care, by which its beginning finds its end.")]
HomeId = Annotated[Identifier, Field(description="The home; for the same home it is always the same.")]
LegalReasonId = Annotated[Identifier, Field(description="This legal reason, by which its beginning finds its end.")]
AbsenceId = Annotated[Identifier, Field(description="The absence, by which its beginning finds its end.")]
MeetingId = Annotated[
    Identifier,
    Field(
        description="The meeting: the same from its first booking until it is held. "
        "A meeting about brothers and sisters has one in all their streams."
    ),
]
VisitId = Annotated[Identifier, Field(description="The visit.")]
ActionId = Annotated[Identifier, Field(description="The action, from its agreement to its completion.")]
PlanId = Annotated[Identifier, Field(description="The care plan; a revision keeps it.")]
AssessmentId = Annotated[Identifier, Field(description="The assessment, from planning to completion.")]
SupportPeriodId = Annotated[Identifier, Field(description="The period, by which its beginning finds its end.")]
CertificateId = Annotated[Identifier, Field(description="The certificate, by which its sending finds its return.")]
MatchId = Annotated[Identifier, Field(description="The match.")]
ApplicationId = Annotated[Identifier, Field(description="The application, from lodging to what becomes of it.")]
