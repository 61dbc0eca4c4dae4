"""Settings of every kind of dataset about its classes: their order, how frequent they are in use, what mistakes cost.

They change what is computed from predictions, and nothing before: no image is read, packed or trained on again.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from imbalance_aware.schema import Strict, misfit, nearest

#: How far shares may miss a sum of one: decimals that were rounded.
SUM_TOLERANCE = 1e-6
#: The keys, none of which concerns a step before `evaluate`.
KEYS = ("ordered", "deployment_prevalence", "costs")


def _rows_or_names(costs: Any) -> Any:
    if isinstance(costs, Mapping | list | tuple):
        return costs
    raise ValueError("expected a list with a row of numbers for each class, or names of classes with costs")


#: A cost matrix by rows, or by the names of the classes.
Costs = Annotated[
    Annotated[tuple[tuple[float, ...], ...], Tag("rows")] | Annotated[dict[str, dict[str, float]], Tag("names")],
    Discriminator(lambda costs: "names" if isinstance(costs, Mapping) else "rows"),
    BeforeValidator(_rows_or_names),
]


class ClassContext(Strict):
    """What is known of the classes beside their names."""

    ordered: bool = Field(
        False, description="whether `classes` are ordered by severity, for the quadratic weighted kappa"
    )
    deployment_prevalence: dict[str, float] | None = Field(
        None,
        description="class prevalences in the target population, summing to 1, for PPV, NPV and accuracy there",
    )
    costs: Costs | None = Field(
        None,
        description="cost of each decision, for the expected cost and the decision rule `cost`: a row for each true "
        "class with a number for each predicted one, in the order of `classes`; or by names, `true: "
        "{predicted: cost}`; omitted correct decisions cost 0",
    )

    @model_validator(mode="after")
    def _fits_the_classes(self) -> "ClassContext":
        given = [key for key in KEYS if getattr(self, key) not in (None, False)]
        classes = self._classes()
        if given and not classes:
            raise misfit([given[0]], "needs the key `classes`, which gives the order of the class labels")
        if self.deployment_prevalence is not None:
            _check_prevalence(self.deployment_prevalence, classes)
        if self.costs is not None:
            _check_costs(_matrix(self.costs, classes), classes)
        return self

    def prevalence_by_label(self) -> tuple[float, ...] | None:
        """`deployment_prevalence` in the order of the labels."""
        shares = self.deployment_prevalence
        return None if shares is None else tuple(shares[name] for name in self._classes())

    def costs_by_label(self) -> tuple[tuple[float, ...], ...] | None:
        """`costs` in the order of the labels, rows true."""
        return None if self.costs is None else _matrix(self.costs, self._classes())

    def for_evaluate(self) -> dict[str, Any]:
        """What the step ``evaluate`` has to know, with the classes that it is true of; empty if nothing is known."""
        known = self.model_dump(mode="json", include={*KEYS}, exclude_defaults=True)
        return {"classes": [*self._classes()], **known} if known else {}

    def _classes(self) -> Sequence[str]:
        return getattr(self, "classes", None) or ()


def _check_prevalence(shares: dict[str, float], classes: Sequence[str]) -> None:
    place = "deployment_prevalence"
    _check_names([place], shares, classes)
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise misfit([place, name], f"a share lies between 0 and 1 (got {share:g})")
    if abs(sum(shares.values()) - 1) > SUM_TOLERANCE:
        raise misfit([place], f"the shares add up to {sum(shares.values()):g}, not to 1")


def _check_costs(costs: tuple[tuple[float, ...], ...], classes: Sequence[str]) -> None:
    for row, (true, of_true) in enumerate(zip(classes, costs, strict=True)):
        for predicted, cost in zip(classes, of_true, strict=True):
            if cost < 0:
                raise misfit(["costs"], f"of {true}, predicted as {predicted}: a cost is at least 0 (got {cost:g})")
            if predicted != true and cost < of_true[row]:
                raise misfit(
                    ["costs"],
                    f"of {true}, predicted as {predicted}: {cost:g} is less than the right decision costs "
                    f"({of_true[row]:g}); rows are true classes, columns predicted ones",
                )


def _matrix(costs: Any, classes: Sequence[str]) -> tuple[tuple[float, ...], ...]:
    """Costs in the order of the classes, however they are written."""
    if isinstance(costs, dict):
        _check_names(["costs"], costs, classes)
        for true, of_true in costs.items():
            _check_names(["costs", true], {true: 0.0, **of_true}, classes)
        return tuple(tuple(costs[true].get(predicted, 0.0) for predicted in classes) for true in classes)
    if len(costs) != len(classes) or any(len(row) != len(classes) for row in costs):
        sizes = " × ".join(map(str, (len(costs), *sorted({len(row) for row in costs}))))
        raise misfit(["costs"], f"expected {len(classes)} rows of {len(classes)} numbers, one per class (got {sizes})")
    return costs


def _check_names(place: Sequence[str], named: dict[str, Any], classes: Sequence[str]) -> None:
    for name in named:
        if name not in classes:
            raise misfit([*place, name], f'there is no class "{name}".{nearest(name, classes)}')
    if absent := [name for name in classes if name not in named]:
        raise misfit(place, f"lacks the class {', '.join(absent)}")
