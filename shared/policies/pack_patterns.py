"""The tables of a pack file that mean facts: what starts a clock, what satisfies a rule, and what ends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, StrictBool, StrictStr

from shared.domain.timetable.rules import End, EventAnchor, Pattern, Which
from shared.policies.pack_values import EachOnce, EventName, Table, Text, each_once

_OCCURRED_ON = "occurred_on"

AskedCodes = Annotated[tuple[StrictStr | StrictBool, ...], Field(min_length=1), AfterValidator(each_once), EachOnce]
#: By member of an event's data, the codes of which it has to have one.
Where = Annotated[dict[str, AskedCodes], Field(min_length=1)]


class FactsTable(Table):
    """Facts of one event type."""

    event: EventName = Field(description="An event type, for instance visit.made.")
    where: Where | None = Field(
        default=None,
        description="Members of its data, each with the codes of which it has to have one, for instance "
        '{ home_kind = ["foster", "kinship"] }; members that are true or false take [true] or [false].',
    )

    @property
    def asked(self) -> Mapping[str, tuple[str, ...]]:
        """The codes asked for, by member; truth values are the words "true" and "false"."""
        return {name: tuple(map(_code, codes)) for name, codes in (self.where or {}).items()}

    def to_pattern(self, same: tuple[str, ...] = ()) -> Pattern:
        """Return the domain's value of these facts."""
        return Pattern(
            event=self.event,
            where=tuple((name, frozenset(codes)) for name, codes in self.asked.items()),
            same=same,
        )


def _code(told: str | bool) -> str:
    return str(told).lower() if isinstance(told, bool) else told


class AnchorTable(FactsTable):
    """A ``[rule.anchor]``: the fact that starts a clock."""

    called: Text = Field(
        description='What people call the day on which the clock starts, for instance "the day the panel met".'
    )
    day: Text = Field(
        default=_OCCURRED_ON, description="The member of its data that has the day on which the clock starts."
    )
    which: Which = Field(
        default=Which.EACH, description="Which of a child's facts start one: each of them, the first or the latest."
    )
    outlives_episode: StrictBool = Field(
        default=False, description="Whether the clock runs on when the episode of care ends, as that of an order does."
    )

    def to_anchor(self) -> EventAnchor:
        """Return the domain's value of this anchor."""
        return EventAnchor(
            pattern=self.to_pattern(),
            called=self.called,
            day=self.day,
            which=self.which,
            outlives_episode=self.outlives_episode,
        )


class TiedTable(FactsTable):
    """A ``[[rule.satisfied_by_event]]``: facts that may have to be about what the anchor was about."""

    same: Annotated[tuple[Text, ...], Field(min_length=1), AfterValidator(each_once), EachOnce] | None = Field(
        default=None, description="Members that must be the same as in the fact that started the clock."
    )

    def pattern(self) -> Pattern:
        """Return the domain's value of these facts."""
        return self.to_pattern(self.same or ())


class EndTable(TiedTable):
    """A ``[[rule.ends]]``: facts that stop the clock."""

    because: Text = Field(description='What they say, in a sentence without its day, for instance "The order ended".')

    def to_end(self) -> End:
        """Return the domain's value of this end."""
        return End(pattern=self.pattern(), because=self.because)
