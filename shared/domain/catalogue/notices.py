"""What a council decides about being told of its reviews."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.domain.catalogue.base import CivilDate, EventData
from shared.domain.ids import Code

#: The furthest threshold, in days.
MAX_DAYS = 365
#: More thresholds on one side than anybody needs.
MAX_THRESHOLDS = 12

_Days = Annotated[int, Field(ge=1, le=MAX_DAYS)]


class NoticeThresholdsSet(EventData):
    """From the next day on, notices of the calendar are made so many days before and after a review is due.

    `occurred_on` is the day on which that was decided. Of several settings that fit a review the most specific counts:
    for its pack and kind, for its kind, for its pack, for all; of equally specific ones the last. A list that is empty
    means none. Thresholds that were crossed on the day of recording or before stay as they were: none is told anew.
    Timetable: no review moves.
    """

    pack: Code | None = Field(
        default=None, description="Only for the rules of this pack, as `GET /v1/timetables` names it."
    )
    kind: Code | None = Field(default=None, description="Only for reviews of this kind: the key of their rule.")
    before: list[_Days] = Field(
        max_length=MAX_THRESHOLDS, description="How many days before the due day.", examples=[[14, 7, 1]]
    )
    on_the_day: bool = Field(description="Whether on the due day itself.")
    after: list[_Days] = Field(
        max_length=MAX_THRESHOLDS, description="How many days after it, while the review is not held.", examples=[[1]]
    )
    then_every_days: _Days | None = Field(
        default=None, description="After the last of these (or the due day) again every so many days; left out: never."
    )


class BackfillDeclared(EventData):
    """Old records are being brought in: of what lies before a day, nobody is to be alarmed.

    `occurred_on` is the day on which that was decided. What becomes known from the day of recording on, and is about a
    day before `before_on`, is held back until a person releases it. Retract it when the records are in. Timetable: no
    review moves, and each is listed as what it is.
    """

    before_on: CivilDate = Field(description="What is about an earlier day is held back; at the latest `occurred_on`.")
