"""A calendar of deadlines in iCalendar (RFC 5545), for programs that people look at every day.

It is read by whoever holds its address, so it says as little as a calendar can say: what is owed and when.
No child, home, meeting or person is named; children are told apart by a reference that belongs to this
calendar alone.  The same state gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from hmac import digest
from uuid import UUID

from icalendar import Calendar, Event, vText

from services.scheduler.store.feeds import Contents, Entry, Feed
from shared.domain.clock import CIVIL_ZONE
from shared.domain.timetable.reviews import Certainty, Outcome, Review, What
from shared.domain.timetable.wording import date_words, instant_words, weekday_words

#: So many days after it was held or stopped being owed, a review is no longer shown.
CLOSED_DAYS = 90
#: How often a program looks; one whose calendar is unchanged is told so without one.
REFRESH = timedelta(hours=6)

_ONE_DAY = timedelta(days=1)
_REFERENCE_CHARACTERS = 6
#: Without vowels, so that no reference is a word.
_ALPHABET = "0123456789bcdfghjkmnpqrstvwxz"
#: RFC 5545, 3.3.8.
_INTEGER_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Seen:
    """What a calendar shows on a civil day, projected up to a position of the log."""

    today: date
    position: int
    contents: Contents


def closed_since(today: date) -> date:
    """Return the first day whose closed reviews are still shown."""
    return today - timedelta(days=CLOSED_DAYS)


def child_reference(feed: Feed, child_id: str) -> str:
    """Return by what this calendar, and no other, calls a child; nobody can tell from it which child that is."""
    number = int.from_bytes(digest(feed.reference_key, child_id.encode(), sha256))
    characters = []
    for _ in range(_REFERENCE_CHARACTERS):
        number, place = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[place])
    return "".join(characters)


def calendar_text(feed: Feed, seen: Seen) -> bytes:
    """Return the calendar."""
    calendar = Calendar()
    about = _about(seen.contents)
    title = ", ".join(["Deadlines", *_of_whom(feed)])
    for name, value in (
        ("prodid", "-//Homeward//Calendar feeds//EN"),
        ("version", "2.0"),
        ("calscale", "GREGORIAN"),
        ("method", "PUBLISH"),
        ("name", title),
        ("x-wr-calname", title),
        ("description", about),
        ("x-wr-caldesc", about),
        ("x-published-ttl", "PT6H"),
    ):
        # As text, which has to be escaped; the library would take the names that it does not know as they are.
        calendar.add(name, vText(value))
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    for event in _events(feed, seen):
        calendar.add_component(event)
    written: bytes = calendar.to_ical()
    return written


def _of_whom(feed: Feed) -> Iterator[str]:
    if feed.team is not None:
        yield f"team {feed.team}"
    if feed.role is not None:
        yield feed.role.replace("_", " ")


def _about(contents: Contents) -> str:
    said = ["Due days; where a meeting is booked in time, its day."]
    if contents.without_day:
        said.append(
            f"{_number(contents.without_day, 'deadline')} without a day, as where it is not agreed how often reviews "
            "happen: not shown here."
        )
    said += _left_out(contents)
    return " ".join(said)


def _left_out(contents: Contents) -> list[str]:
    said = []
    if contents.more_open:
        said.append(f"{_number(contents.more_open, 'more deadline')} due later: not shown here.")
    if contents.more_closed:
        said.append(f"{_number(contents.more_closed, 'more deadline')} done or withdrawn earlier: not shown here.")
    return said


def _number(count: int, of: str) -> str:
    return f"{count} {of}" if count == 1 else f"{count} {of}s"


def _events(feed: Feed, seen: Seen) -> Iterator[Event]:
    shown = [*seen.contents.open, *seen.contents.closed]
    for entry in sorted(shown, key=lambda each: (_day(each.review, seen.today), each.review.review_id)):
        yield _review_event(feed, entry, seen.today)
    if _left_out(seen.contents):
        yield _end_event(feed, seen)


def _review_event(feed: Feed, entry: Entry, today: date) -> Event:
    review = entry.review
    changed_at = entry.changed_at or feed.created_at
    lapsed_at = _booking_lapsed_at(review, today)
    event = _all_day(
        uid=review.review_id,
        day=_day(review, today),
        summary=f"{review.title} - child {child_reference(feed, review.child_id)}",
        description=" ".join(_told(review, today)),
        status=_status(review),
    )
    # That the day booked goes by changes it, too, and no event tells so.
    _stamp(event, max(changed_at, lapsed_at or changed_at), 2 * entry.position + (lapsed_at is not None))
    return event


def _end_event(feed: Feed, seen: Seen) -> Event:
    """Return what stands where a calendar ends that does not hold everything, so that nothing is missing silently."""
    shown = seen.contents.open
    event = _all_day(
        uid=feed.feed_id,
        day=max((_day(each.review, seen.today) for each in shown), default=seen.today),
        summary="This calendar is not whole",
        description=" ".join([*_left_out(seen.contents), "Ask for a calendar of each team."]),
        status="CONFIRMED",
    )
    changed_at = max((each.changed_at or feed.created_at for each in shown), default=feed.created_at)
    _stamp(event, changed_at, 2 * seen.position)
    return event


def _all_day(*, uid: UUID, day: date, summary: str, description: str, status: str) -> Event:
    event = Event()
    event.add("uid", f"{uid}@homeward")
    event.add("dtstart", day)
    event.add("dtend", day + _ONE_DAY)
    event.add("summary", summary)
    event.add("description", description)
    event.add("status", status)
    event.add("class", "PRIVATE")
    event.add("transp", "TRANSPARENT")
    return event


def _stamp(event: Event, changed_at: datetime, sequence: int) -> None:
    """Say when an event changed last: not when it was fetched, or no two answers would be alike."""
    whole_seconds = changed_at.astimezone(UTC).replace(microsecond=0)
    event.add("dtstamp", whole_seconds)
    event.add("last-modified", whole_seconds)
    event.add("sequence", min(sequence, _INTEGER_MAX))


def _status(review: Review) -> str:
    if review.outcome is Outcome.WITHDRAWN:
        return "CANCELLED"
    tentative = review.outcome is Outcome.OPEN and review.certainty is Certainty.PROVISIONAL
    return "TENTATIVE" if tentative else "CONFIRMED"


def _day(review: Review, today: date) -> date:
    """Return the day on which a review that has one stands: held, to be held as booked, or due."""
    if review.held_on is not None:
        return review.held_on
    booked_on = review.booked_on if review.awaits_meeting(today) else None
    day = booked_on or review.due_on
    assert day is not None, "reviews without a day are no events"
    return day


def _booking_lapsed_at(review: Review, today: date) -> datetime | None:
    """Return when it stopped being shown on the day booked for it, because that went by; None if it did not."""
    if review.booked_late_by_days != 0 or review.booked_on is None or review.awaits_meeting(today):
        return None
    return datetime.combine(review.booked_on + _ONE_DAY, time.min, CIVIL_ZONE)


def _told(review: Review, today: date) -> Iterator[str]:
    """Say how a review stands, in sentences that stay true for as long as nothing of it changes."""
    due = None if review.due_on is None else _due_words(review, review.due_on)
    done = "held" if review.what is What.REVIEW else "done"
    if review.outcome is Outcome.HELD and review.held_on is not None:
        late = f", {_number(review.days_late, 'day')} late" if review.days_late else ""
        yield f"{done.capitalize()} on {_day_words(review.held_on)}{late}."
        if due is not None:
            yield f"It was due by {due}."
    elif review.outcome is Outcome.WITHDRAWN:
        yield f"Not owed any more. It would have been due by {due}."
    elif review.outcome is Outcome.MISSED:
        yield f"It was due by {due}, and was not {done}."
    else:
        yield f"Runs out on {due}." if review.what is What.EXPIRY else f"Due by {due}."
        yield from _open_words(review, today)
    why = review.explanation
    yield f"{why.citation} ({why.basis.replace('_', ' ')})."
    if not why.verified:
        yield "Nobody has yet checked this rule against its source."
    yield f"Whoever has a key reads more at /v1/reviews/{review.review_id}."


def _open_words(review: Review, today: date) -> Iterator[str]:
    if review.last_working_day_on not in (None, review.due_on):
        yield f"The last working day for it is {_day_words(review.last_working_day_on)}."
    if review.booked_on is not None:
        yield _booking_words(review, review.booked_on, today)
    if review.certainty is Certainty.PROVISIONAL:
        yield "Provisional: this day is counted from what is not recorded yet, and may move."


def _booking_words(review: Review, booked_on: date, today: date) -> str:
    day = _day_words(booked_on)
    if review.booked_late_by_days:
        return f"A meeting is booked for {day}, {_number(review.booked_late_by_days, 'day')} too late."
    if review.awaits_meeting(today):
        return f"A meeting is booked for {day}."
    return f"A meeting was booked for {day}; that it was held is not recorded."


def _due_words(review: Review, due_on: date) -> str:
    return _day_words(due_on) if review.due_at is None else instant_words(review.due_at)


def _day_words(day: date) -> str:
    return f"{weekday_words(day)} {date_words(day)}"
