"""The parts of the variance of a value or a contrast: patients, seeds.

    theta_s = truth + a_s + b(patients) + i_s(patients),    Var(mean over S seeds) = Var(b) + (Var(a) + Var(i)) / S

with a the seed, b the patients, i what patients and seed have together. The spread over seeds on one test set estimates
Var(a) + Var(i); the jackknife over patients of the mean estimates Var(b) + Var(i)/S. Their sum would count Var(i)/S
twice, so of the patients' part only what two different seeds share is taken (Obuchowski and Rockette 1995,
Communications in Statistics, Simulation 24:285, with seeds in the place of readers; Gallas 2006, Acad. Radiol. 13:353).

The variance over a few seeds is hardly known. With 5 or more conditions, the study's average counts as three further
seeds beside a contrast's own (as moderated variances of genes: Smyth 2004, SAGMB 3:3).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import fdtri

from imbalance_aware.statistics.influence import Measured

#: Seeds that the average seed variance of the study counts for, beside the seeds of a contrast itself.
PRIOR_SEEDS = 3
#: With fewer conditions a contrast has its own seed variance alone.
MODERATED_FROM = 5


@dataclass(frozen=True)
class Parts:
    """Variance parts of the mean over S replicates of a value or contrast; the names are those of the formulas.

    Attributes:
        mean: mean over the replicates that all conditions of the contrast have; NaN without any.
        V: variance over patients with these models, ``sum_g w_g^2`` with w the influence on the mean.
        df_V: its degrees of freedom, ``V^2 / sum_k v_k^2 / (G_k - 1)`` with v_k the part of stratum k.
        B: variance over patients that two different seeds share; NaN with one replicate.
        T: variance over seeds of the mean, what patients and seeds have together included; NaN with one replicate.
        nu: degrees of freedom of T; NaN with one replicate.
        replicates: S.
        supported_by: number of conditions whose average supports T; 0 if T is the contrast's own.
    """

    mean: float
    V: float
    df_V: float
    B: float
    T: float
    nu: float
    replicates: int
    supported_by: int


@dataclass(frozen=True)
class SeedVariance:
    """Average seed variance of the stable conditions of a study.

    Attributes:
        variance: of one run; NaN if no condition has two replicates.
        df: degrees of freedom.
        conditions: how many it is the average of.
    """

    variance: float
    df: int
    conditions: int


def value_parts(measured: Measured, condition: int) -> Parts:
    """`parts` of the value of one condition."""
    return parts(measured, np.eye(len(measured.values))[condition])


def difference_parts(measured: Measured, a: int, b: int) -> Parts:
    """`parts` of the difference a minus b of two conditions."""
    unit = np.eye(len(measured.values))
    return parts(measured, unit[a] - unit[b])


def parts(measured: Measured, coefficients: np.ndarray) -> Parts:
    """Variance parts of ``sum_c coefficients[c] * theta[c]``, over the replicates that all its conditions have.

    The seed variance is moderated for the value of one condition and for contrasts whose coefficients add up to 0 (a
    difference, the effect of a factor averaged over other factors), unless one of their conditions is unstable.

    Args:
        measured: one metric of all runs.
        coefficients: shape (C,).
    """
    used = np.flatnonzero(coefficients)
    common = np.isfinite(measured.values[used]).all(axis=0)
    n = int(common.sum())
    if n == 0:
        return Parts(np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, 0, 0)
    values = coefficients[used] @ measured.values[used][:, common]
    influence = np.einsum("c,gcs->gs", coefficients[used], measured.influence[:, used][:, :, common])
    V, df_V = patient_variance(influence.mean(axis=1), measured.design.strata)
    if n == 1:
        return Parts(float(values[0]), V, df_V, np.nan, np.nan, np.nan, 1, 0)
    s2, nu, supported_by = _seed_variance_of(measured, coefficients, values)
    shared = ((influence.sum(axis=1) ** 2).sum() - (influence**2).sum()) / (n * (n - 1))
    return Parts(float(values.mean()), V, df_V, max(float(shared), 0.0), s2 / n, nu, n, supported_by)


def patient_variance(influence: np.ndarray, strata: np.ndarray) -> tuple[float, float]:
    """V and its degrees of freedom from the influence on one number; both arguments of shape (G,)."""
    _, place, sizes = np.unique(strata, return_inverse=True, return_counts=True)
    by_stratum = np.bincount(place, influence**2)
    V = by_stratum.sum()
    if not V > 0:
        return float(V), np.inf
    return float(V), float(V**2 / (by_stratum**2 / np.maximum(sizes - 1, 1)).sum())


def seed_variance(measured: Measured, paired: bool) -> SeedVariance:
    """Average over the stable conditions of the variance over replicates; derived ones are no part of it.

    Args:
        measured: one metric of all runs.
        paired: leave out what a replicate has in common for all conditions: the mean square of condition by replicate,
            of which the difference of two conditions has twice as much. Runs that are missing leave the least-squares
            fit of conditions and replicates.
    """
    left_out = measured.design.is_unstable | measured.design.is_derived
    known = np.isfinite(measured.values) & ~left_out[:, None]
    known &= (known.sum(axis=1) >= 2)[:, None]
    condition, replicate = np.nonzero(known)
    y = measured.values[known]
    n = len(np.unique(condition))
    if len(y) == 0:
        return SeedVariance(np.nan, 0, 0)
    effects = np.eye(known.shape[0])[condition]
    if paired:
        effects = np.hstack([effects, np.eye(known.shape[1])[replicate]])
    fit, _, rank, _ = np.linalg.lstsq(effects, y - y.mean(), rcond=None)
    df = len(y) - int(rank)
    residual = y - y.mean() - effects @ fit
    return SeedVariance(float((residual**2).sum() / df) if df > 0 else np.nan, df, n)


def largest_variance_limit(conditions: int, replicates: int, level: float = 0.05) -> float:
    """Critical value of Cochran's C, the largest of several variances divided by their sum.

    ``1 / (1 + (C - 1) / F)`` with F the upper ``level / C`` quantile of the F distribution with S - 1 and
    (C - 1)(S - 1) degrees of freedom (Cochran 1941, Annals of Eugenics 11:47; 't Lam 2010, Anal. Chim. Acta 659:68).

    Args:
        conditions: C, number of variances, at least 2.
        replicates: S, values in each of them, at least 2.
        level: of the one-sided test.
    """
    quantile = fdtri(replicates - 1, (conditions - 1) * (replicates - 1), 1 - level / conditions)
    return float(1 / (1 + (conditions - 1) / quantile))


def _seed_variance_of(measured: Measured, coefficients: np.ndarray, values: np.ndarray) -> tuple[float, float, int]:
    """Variance over replicates of a contrast with these values, its degrees of freedom, and who supports it."""
    own, nu = float(values.var(ddof=1)), len(values) - 1
    used = coefficients != 0
    paired = abs(coefficients.sum()) < 1e-9
    if measured.design.is_unstable[used].any() or not (paired or used.sum() == 1):
        return own, nu, 0
    pool = seed_variance(measured, paired)
    if pool.conditions < MODERATED_FROM or pool.df == 0:
        return own, nu, 0
    study = float((coefficients**2).sum()) * pool.variance
    return (PRIOR_SEEDS * study + nu * own) / (PRIOR_SEEDS + nu), PRIOR_SEEDS + nu, pool.conditions
