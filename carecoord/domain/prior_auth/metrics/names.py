"""What the fields of a payer's metrics are called and how they are counted: sentences by name."""

from collections.abc import Mapping
from typing import Final

from carecoord.domain.prior_auth.metrics.fields import FieldName, Unit
from carecoord.words.sentence import Sentence, sentence

FIELD_NAMES: Final[Mapping[FieldName, tuple[Sentence, Sentence]]] = {  # its name; how it is counted
    "standard": (
        sentence("metrics.field.standard"),
        sentence("metrics.field.standard.how"),
    ),
    "expedited": (
        sentence("metrics.field.expedited"),
        sentence("metrics.field.expedited.how"),
    ),
    "all": (
        sentence("metrics.field.all"),
        sentence("metrics.field.all.how"),
    ),
    "standard-approved": (
        sentence("metrics.field.standard-approved"),
        sentence("metrics.field.standard-approved.how"),
    ),
    "standard-denied": (
        sentence("metrics.field.standard-denied"),
        sentence("metrics.field.standard-denied.how"),
    ),
    "standard-overturned": (
        sentence("metrics.field.standard-overturned"),
        sentence("metrics.field.standard-overturned.how"),
    ),
    "standard-overturned-of-appealed": (
        sentence("metrics.field.standard-overturned-of-appealed"),
        sentence("metrics.field.standard-overturned-of-appealed.how"),
    ),
    "standard-mean": (
        sentence("metrics.field.standard-mean"),
        sentence("metrics.field.standard-mean.how"),
    ),
    "standard-median": (
        sentence("metrics.field.standard-median"),
        sentence("metrics.field.standard-median.how"),
    ),
    "expedited-approved": (
        sentence("metrics.field.expedited-approved"),
        sentence("metrics.field.expedited-approved.how"),
    ),
    "expedited-denied": (
        sentence("metrics.field.expedited-denied"),
        sentence("metrics.field.expedited-denied.how"),
    ),
    "expedited-mean": (
        sentence("metrics.field.expedited-mean"),
        sentence("metrics.field.expedited-mean.how"),
    ),
    "expedited-median": (
        sentence("metrics.field.expedited-median"),
        sentence("metrics.field.expedited-median.how"),
    ),
    "extended-approved": (
        sentence("metrics.field.extended-approved"),
        sentence("metrics.field.extended-approved.how"),
    ),
    "extended-approved-of-extended": (
        sentence("metrics.field.extended-approved-of-extended"),
        sentence("metrics.field.extended-approved-of-extended.how"),
    ),
}  # fmt: skip
UNITS: Final[Mapping[Unit, Sentence]] = {
    "requests": sentence("metrics.requests"),
    "percent": sentence("metrics.percent"),
    "days": sentence("metrics.days"),
    "hours": sentence("metrics.hours"),
}
