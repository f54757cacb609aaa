"""A case-recording system that tells Homeward about one child, with the CloudEvents SDK.

    pip install cloudevents httpx
    python examples/sender.py --url http://127.0.0.1:8000 --key hw1... --child 7f3c9a

Sending again is safe: an event with the same source and id is stored once.
"""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime, timedelta

import httpx
from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.v1.event import CloudEvent

SOURCE = "/examples/case-system"


def event(child: str, event_type: str, occurred_on: date, **data: object) -> CloudEvent:
    """Make one event.  Its id is derived from what it says, so that sending again repeats it.

    `time` is set because the SDK would otherwise put in the present instant, and the same
    event sent twice would then differ.
    """
    attributes = {
        "id": f"{child}-{event_type}-{occurred_on}",
        "source": SOURCE,
        "type": event_type,
        "subject": f"child-{child}",
        "time": datetime(occurred_on.year, occurred_on.month, occurred_on.day, 12, tzinfo=UTC),
        "datacontenttype": "application/json",
    }
    return CloudEvent(attributes, {"occurred_on": occurred_on.isoformat(), **data})


def story(child: str, day: date) -> list[CloudEvent]:
    """Tell of a child who came to live with foster carers on `day`."""
    return [
        event(child, "child.registered", day, team="north"),
        event(child, "child.accommodated", day, episode_id=f"{child}-1", legal_reason="section_25"),
        event(child, "home.started", day, home_id=f"{child}-home-1", home_kind="foster"),
    ]


def main() -> None:
    """Post the story, one event a request, and print what Homeward answered."""
    parser = argparse.ArgumentParser(description="Post one child's first events to Homeward.")
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--key", required=True)
    parser.add_argument("--child", required=True, help="the case system's opaque identifier of the child")
    parser.add_argument("--day", type=date.fromisoformat, default=datetime.now(UTC).date() - timedelta(days=7))
    arguments = parser.parse_args()
    with httpx.Client(base_url=arguments.url, headers={"authorization": f"Bearer {arguments.key}"}) as client:
        for each in story(arguments.child, arguments.day):
            message = to_structured_event(each)
            answer = client.post("/v1/events", content=message.body, headers=message.headers)
            print(answer.status_code, answer.text)
            answer.raise_for_status()


if __name__ == "__main__":
    main()
