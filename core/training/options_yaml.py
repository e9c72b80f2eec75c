"""YAML of somebody's own, read with care: small, flat, plain values, numbers as LLaMA-Factory reads them.

LLaMA-Factory reads its file with OmegaConf: `1e-4` is a number there (in YAML 1.1 it is a text), a key given twice is an error, and
`${...}` is replaced. Aliases, tags and deep nesting have no place in such a file, and are what hostile ones are made of.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

from core.errors import InvalidInput

if TYPE_CHECKING:
    from yaml import SafeLoader
    from yaml.events import Event
    from yaml.nodes import MappingNode

#: Characters, levels and values that a training file has at most.
SIZE_LIMIT: Final = 128 * 1024
DEPTH_LIMIT: Final = 8
COUNT_LIMIT: Final = 4000
#: As OmegaConf's loader (omegaconf/_utils.py, get_yaml_loader).
FLOAT: Final = re.compile(
    r"""^(?:[-+]?[0-9]+(?:_[0-9]+)*\.[0-9_]*(?:[eE][-+]?[0-9]+)?
        |[-+]?[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+)
        |\.[0-9]+(?:_[0-9]+)*(?:[eE][-+][0-9]+)?
        |[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$""",
    re.VERBOSE,
)


def read_yaml(text: str, field: str = "yaml") -> dict[str, Any]:
    """The mapping that `text` holds; {} where it holds nothing.

    Raises InvalidInput(field, rule): too_large (limit), not_yaml (line, column, problem), too_deep (limit), too_many (limit), alias (line),
    tag (line, tag), several_documents, not_a_mapping, duplicate_key (key, line), key_not_text (line), not_finite (key).
    """
    import yaml

    if len(text) > SIZE_LIMIT:
        raise InvalidInput(field, "too_large", limit=SIZE_LIMIT)
    try:
        _survey(text, field)
        value = yaml.load(text, Loader=_loader(field))  # noqa: S506  (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)
        raise InvalidInput(field, "not_yaml", line=line, column=column, problem=str(error.problem or "")[:200]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidInput(field, "not_yaml", line=0, column=0, problem=str(error)[:200]) from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidInput(field, "not_a_mapping")
    _check_finite(value, field)
    return value


def _survey(text: str, field: str) -> None:
    """Refuse before anything is built. Events come one by one, so a bomb costs what is read of it."""
    import yaml

    depth = documents = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if documents > 1:
            raise InvalidInput(field, "several_documents")
        if depth > DEPTH_LIMIT:
            raise InvalidInput(field, "too_deep", limit=DEPTH_LIMIT)
        if count > COUNT_LIMIT:
            raise InvalidInput(field, "too_many", limit=COUNT_LIMIT)
        _check_event(event, field)


def _check_event(event: Event, field: str) -> None:
    import yaml

    line = event.start_mark.line + 1 if event.start_mark is not None else 0
    if isinstance(event, yaml.AliasEvent):
        raise InvalidInput(field, "alias", line=line)
    tag = getattr(event, "tag", None)
    if tag is not None and not isinstance(event, yaml.DocumentStartEvent):
        raise InvalidInput(field, "tag", line=line, tag=str(tag)[:100])


def _loader(field: str) -> type[SafeLoader]:
    import yaml

    class Loader(yaml.SafeLoader):
        """Numbers as OmegaConf reads them, no dates, keys once."""

        def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
            seen: set[str] = set()
            for key_node, _ in node.value:
                key = self.construct_object(key_node, deep=True)
                line = key_node.start_mark.line + 1
                if not isinstance(key, str):
                    raise InvalidInput(field, "key_not_text", line=line)
                if key in seen:
                    raise InvalidInput(field, "duplicate_key", key=key[:100], line=line)
                seen.add(key)
            return super().construct_mapping(node, deep)

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:merge")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, list("-+0123456789."))
    return Loader


def _check_finite(values: dict[str, Any], field: str) -> None:
    for key, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidInput(field, "not_finite", key=key)
        if isinstance(value, dict):
            _check_finite(value, field)
