"""How an event type's data has versions, and how old data is read as new.

A type's name is permanent, and so is every version of its data: what was valid by a
version once is valid by it for ever.  Within a version data only ever gains optional
members, wider limits and further codes.  What needs more is a new version beside the
old, with an *upcaster* from the old data to the new.  Upcasters are pure, and total on
whatever is valid by the old version, so what was recorded is never changed, only read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from shared.domain.catalogue.base import EventData

#: What an event that names no schema follows, for ever: a sender that was set up once keeps working.
FIRST_VERSION = 1

_PATH = "/v1/event-types/{name}/{version}"
_NAMED = re.compile(
    r"(?:https?://[A-Za-z0-9.:\[\]-]{1,255})?/v1/event-types/(?P<name>[a-z_]{1,80}\.[a-z_]{1,80})/(?P<version>[1-9][0-9]{0,2})"
)


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier version of a type's data, with its upcaster to the version that came next."""

    data: type[EventData]
    upcast: Callable[[Any], EventData]


@dataclass(frozen=True, slots=True)
class EventType:
    """One event type: its permanent name, the model of its latest data, and what came before."""

    name: str
    data: type[EventData]
    #: From version 1 on, in order.
    earlier: tuple[Earlier, ...] = ()
    #: True when the event belongs to the authority's own stream instead of a child's.
    about_authority: bool = False
    #: The model of every version, from 1 to the latest.
    schemas: Mapping[int, type[EventData]] = field(init=False, repr=False, compare=False)
    _from_json: Mapping[int, Callable[[bytes | str], EventData]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        models = (*(each.data for each in self.earlier), self.data)
        object.__setattr__(self, "schemas", MappingProxyType(dict(enumerate(models, start=FIRST_VERSION))))
        # pydantic's own way there, without the call around it: this is done for every event that is posted.
        validators = {version: model.__pydantic_validator__ for version, model in self.schemas.items()}
        object.__setattr__(self, "_from_json", {version: each.validate_json for version, each in validators.items()})

    @property
    def schema_version(self) -> int:
        """The latest version."""
        return len(self.earlier) + 1

    @property
    def summary(self) -> str:
        """What the event says, in one sentence."""
        return (self.data.__doc__ or "").strip().splitlines()[0]

    def read(self, version: int, value: Mapping[str, Any] | bytes | str) -> EventData:
        """Read ``value`` as data of ``version`` and lift it to the latest.

        JSON text is judged as strictly as it was posted: nothing is coerced.  Decoded JSON
        was judged when it was appended, and only changes type.  Raises KeyError if there is
        no such version and pydantic.ValidationError if ``value`` is no data of it.
        """
        if isinstance(value, (bytes, str)):
            data = self._from_json[version](value)
        else:
            data = self.schemas[version].model_validate(value, strict=False)
        return self.lift(version, data) if self.earlier else data

    def lift(self, version: int, data: EventData) -> EventData:
        """Return ``data`` of ``version`` as data of the latest version."""
        for step in self.earlier[version - 1 :]:
            data = step.upcast(data)
        return data


def dataschema(of: EventType, version: int | None = None) -> str:
    """Return the path of the JSON Schema of a version, by default the latest, as CloudEvents ``dataschema``."""
    return _PATH.format(name=of.name, version=version or of.schema_version)


def version_named(of: EventType, text: str) -> int | None:
    """Return the version of ``of`` that a ``dataschema`` names, or None if it names none.

    It may be the path, or a URL of any host with that path: an authority may be reached
    by several names, and by none that it keeps for a hundred years.
    """
    named = _NAMED.fullmatch(text)
    if named is None or named["name"] != of.name:
        return None
    version = int(named["version"])
    return version if version in of.schemas else None


def json_schema(of: EventType, version: int | None = None) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the data of a version, by default the latest; KeyError if there is none."""
    schema = of.schemas[version or of.schema_version].model_json_schema()
    identity = dataschema(of, version)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": identity, **schema}
