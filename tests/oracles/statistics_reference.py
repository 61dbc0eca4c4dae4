"""Reference implementation of the statistics of a study: runs (condition x seed) on one test set of patients.

Notation: C conditions, S seeds, R = C*S runs (condition-major), G patients, K classes, n images. Every interval follows
from two arrays: `theta` (R,) the metric of each run, and `U` (G, R), how much each patient moves it (delete-one-patient
jackknife, stratified by class), scaled so that `U.T @ U` is the covariance matrix of `theta` over patients.
`python statistics_reference.py [simulations]` reproduces the coverage tables.
"""

import sys

import numpy as np
from scipy.special import ndtri, stdtrit

PRIOR = 3  # "extra seeds" that the mean seed variance of the study counts for, beside the own variance of a contrast
METRICS = ("balanced_accuracy", "f1_macro", "mcc", "auroc_macro")


def metrics(labels, probabilities, weights, wanted=METRICS):
    """labels (n,), probabilities (R, n, K), weights of images (B, n) -> {metric: (B, R)}."""
    R, n, K = probabilities.shape
    hot = np.zeros((n, R, K * K), np.float32)
    hot[np.arange(n)[:, None], np.arange(R), (labels * K + probabilities.argmax(-1)).T] = 1
    M = (weights.astype(np.float32) @ hot.reshape(n, -1)).astype(float).reshape(-1, R, K, K)
    hits, true, said, total = np.diagonal(M, axis1=2, axis2=3), M.sum(3), M.sum(2), M.sum((2, 3))
    spread = (total**2 - (true**2).sum(-1)) * (total**2 - (said**2).sum(-1))
    out = {"balanced_accuracy": (hits / np.maximum(true, 1e-12)).mean(-1)}
    out["f1_macro"] = (2 * hits / np.maximum(true + said, 1e-12)).mean(-1)
    out["mcc"] = (hits.sum(-1) * total - (true * said).sum(-1)) / np.sqrt(np.maximum(spread, 1e-12))
    if "auroc_macro" in wanted:
        areas = [[auroc(labels == k, run[:, k], weights) for k in range(K)] for run in probabilities]
        out["auroc_macro"] = np.mean(areas, axis=1).T
    return {name: out[name] for name in wanted}


def auroc(positive, scores, weights):
    order = np.argsort(scores, kind="stable")
    first = np.flatnonzero(np.r_[True, np.diff(scores[order]) != 0])
    w, positive = weights[:, order], positive[order]
    pos, neg = np.add.reduceat(w * positive, first, axis=1), np.add.reduceat(w * ~positive, first, axis=1)
    return (pos * (neg.cumsum(1) - neg / 2)).sum(1) / (pos.sum(1) * neg.sum(1))


def jackknife(labels, patients, probabilities, wanted=METRICS):
    """{metric: (theta (R,), U (G, R))} and the class of each patient."""
    G = patients.max() + 1
    strata = np.zeros(G, int)
    strata[patients] = labels  # a patient's images are of one class
    weights = 1.0 - (patients == np.arange(-1, G)[:, None])  # row 0: everyone; row g + 1: without patient g
    out = {}
    for name, values in metrics(labels, probabilities, weights, wanted).items():
        U = values[1:].copy()
        for k, m in zip(*np.unique(strata, return_counts=True), strict=True):
            U[strata == k] = (U[strata == k].mean(0) - U[strata == k]) * np.sqrt((m - 1) / m)
        out[name] = (values[0], U)
    return out, strata


def bootstrap_weights(strata, replicates, rng):
    """Rao-Wu: draw G_k - 1 of the G_k patients of class k, weight G_k / (G_k - 1): same variance as the jackknife."""
    weights = np.empty((replicates, len(strata)))
    for k, m in zip(*np.unique(strata, return_counts=True), strict=True):
        weights[:, strata == k] = rng.multinomial(m - 1, np.full(m, 1 / m), size=replicates) * m / (m - 1)
    return weights


def contrast(theta, U, C, a, b=None):
    """Seed values (S,) and influence (G, S) of condition a, or of a minus b."""
    t, u = theta.reshape(C, -1), U.reshape(len(U), C, -1)
    return (t[a], u[:, a]) if b is None else (t[a] - t[b], u[:, a] - u[:, b])


def pooled_seed_variance(theta, C, paired):
    """Mean over conditions of the variance over seeds, its df; paired: of a difference of two conditions (x 2)."""
    e = theta.reshape(C, -1) - theta.reshape(C, -1).mean(1, keepdims=True)
    e = e - e.mean(0) if paired else e
    df = (C - paired) * (e.shape[1] - 1)
    return (1 + paired) * (e**2).sum() / df, df


def parts(values, influence, strata, pooled=None, prior=PRIOR):
    """Variance parts of the mean over seeds: dict(mean, V, dfV, B, T, nu)."""
    S = len(values)
    w = influence.mean(1)  # influence on the mean over seeds
    v, g = np.transpose([((w[strata == k] ** 2).sum(), (strata == k).sum()) for k in np.unique(strata)])
    V = v.sum()
    p = {"mean": values.mean(), "V": V, "dfV": V**2 / (v**2 / (g - 1)).sum() if V > 0 else np.inf}
    if S > 1:  # B: covariance between two different seeds; T: seed variance of the mean, interaction included
        p["B"] = max(((influence.sum(1) ** 2).sum() - (influence**2).sum()) / (S * (S - 1)), 0.0)
        s2, nu = values.var(ddof=1), S - 1
        if prior == np.inf:  # the pooled variance alone
            s2, nu = pooled
        elif pooled is not None and pooled[1] >= 4 * nu:  # moderated; with fewer than 5 conditions: own variance only
            s2, nu = (prior * pooled[0] + nu * s2) / (prior + nu), prior + nu
        p |= {"T": s2 / S, "nu": nu}
    return p


def half_width(p, level=0.95, procedure=True):
    """Half-width of interval (1) or, with procedure, (2): weighted t quantile (Cochran), never below interval (1)."""
    u = (1 + level) / 2
    h1 = stdtrit(min(p["dfV"], 1e9), u) * np.sqrt(p["V"])
    if not procedure:
        return h1
    B, T = p.get("B", np.nan), p.get("T", np.nan)  # one seed: cannot be estimated
    t = B * stdtrit(min(p["dfV"], 1e9), u) + T * stdtrit(p.get("nu", 1), u)
    return np.maximum(h1, t / np.sqrt(max(B + T, 1e-300)))


def p_value(p, procedure=True):
    """1 - the largest level at which the interval excludes 0."""
    low, high = 0.0, 1 - 1e-12
    for _ in range(50):
        mid = (low + high) / 2
        low, high = (mid, high) if half_width(p, mid, procedure) < abs(p["mean"]) else (low, mid)  # bisection
    return 1 - low if np.isfinite(half_width(p, 0.5, procedure)) else np.nan


def wilson_balanced_accuracy(labels, patients, correct, level=0.95):
    """Interval (1) of a balanced accuracy: Wilson per class (effective size), joined by MOVER. correct: (n, S) 0/1."""
    q, K, est, low, high = ndtri((1 + level) / 2), labels.max() + 1, 0.0, 0.0, 0.0
    for k in range(K):
        inside = labels == k
        ids, where = np.unique(patients[inside], return_inverse=True)
        size, hits, G = np.bincount(where), np.bincount(where, correct[inside].mean(1)), len(ids)
        p = hits.sum() / size.sum()
        v = G / (G - 1) * ((hits - size * p) ** 2).sum() / size.sum() ** 2
        N = max(p * (1 - p) / v, G) if v > 0 and 0 < p < 1 else G
        a = 1 + q * q / N
        centre, h = (p + q * q / 2 / N) / a, q * np.sqrt(p * (1 - p) / N + (q / 2 / N) ** 2) / a
        est, low, high = est + p / K, low + ((p - centre + h) / K) ** 2, high + ((centre + h - p) / K) ** 2
    return est, est - np.sqrt(low), est + np.sqrt(high)


def permutation_p(labels, patients, correct_a, correct_b, draws, rng):
    """Balanced accuracy, 'these models': swap A and B per patient, all seeds and images together. correct: (n, S)."""
    d = (correct_a.mean(1) - correct_b.mean(1)) / np.bincount(labels)[labels] / (labels.max() + 1)
    D = np.bincount(patients, d)
    null = rng.choice([-1.0, 1.0], size=(draws, len(D))) @ D
    return (1 + (abs(null) >= abs(D.sum()) - 1e-12).sum()) / (draws + 1)


def holm(p):
    p, order = np.asarray(p), np.argsort(p)
    return np.minimum(np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order]), 1)[np.argsort(order)]


def joint_draws(theta, U, strata, C, draws, rng, procedure=True):
    """Errors of the C means (draws, C): a t part per class of patients; for the procedure one of seeds (pooled)."""
    S, error = theta.size // C, np.zeros((draws, C))
    for k in np.unique(strata):
        u = U[strata == k].reshape(-1, C, S)
        total, df = u.sum(2), len(u) - 1
        shared = (total.T @ total - np.einsum("gas,gbs->ab", u, u)) / max(S * (S - 1), 1)  # between different seeds
        cov = shared if procedure else total.T @ total / S**2
        value, vector = np.linalg.eigh(cov)
        root = (vector * np.sqrt(np.maximum(value, 0))).T
        error += rng.normal(size=(draws, C)) @ root * np.sqrt(df / rng.chisquare(df, size=(draws, 1)))
    if procedure:
        s2, df = pooled_seed_variance(theta, C, True)
        error += rng.normal(size=(draws, C)) * np.sqrt(s2 / 2 / S * df / rng.chisquare(df, size=(draws, 1)))
    return error


def simultaneous(theta, U, strata, C, draws, rng, procedure=True, level=0.95):
    """Pairs, differences, half-widths that hold for all pairs together (max-T over joint draws)."""
    pairs = [(a, b) for a in range(C) for b in range(a)]
    pool = pooled_seed_variance(theta, C, True) if procedure else (0.0, 1)
    found = [parts(*contrast(theta, U, C, a, b), strata, pool, prior=np.inf) for a, b in pairs]
    size = np.sqrt([p["B"] + p["T"] if procedure else p["V"] for p in found])
    error, (a, b) = joint_draws(theta, U, strata, C, draws, rng, procedure), np.array(pairs).T
    critical = np.quantile((abs(error[:, a] - error[:, b]) / np.maximum(size, 1e-12)).max(1), level)
    return pairs, np.array([p["mean"] for p in found]), critical * np.maximum(size, np.sqrt([p["V"] for p in found]))


def decision(p, relevant=0.02, procedure=True):
    """equivalent: 90 % interval inside +-relevant (two one-sided tests at 5 %); else by the 95 % interval and 0."""
    if abs(p["mean"]) + half_width(p, 0.90, procedure) < relevant:
        return "equivalent"
    shown = abs(p["mean"]) > half_width(p, 0.95, procedure)  # False with one seed (NaN)
    return ("better" if p["mean"] > 0 else "worse") if shown else "undecided"


def detectable(p, power=0.8, procedure=True):
    """Smallest true difference that this design would show with this power (from the SE, not from the effect)."""
    total = max(p["V"], p.get("B", 0) + p.get("T", 0)) if procedure else p["V"]
    df = p["nu"] * (total / p["T"]) ** 2 if procedure and p.get("T") else p["dfV"]
    return half_width(p, 0.95, procedure) + stdtrit(min(df, 1e9), power) * np.sqrt(total)


def detectable_before(per_class, seeds, discordance, agreement=0.3, seed_sd=0.01, images=1.0, icc=0.3, power=0.8):
    """Planning, balanced accuracy. discordance: share of images on which two runs differ in being right; agreement:
    correlation of the per-image difference between seeds; seed_sd: of the difference between conditions over seeds."""
    one = (discordance * (1 + (images - 1) * icc) / np.asarray(per_class, float)).sum() / len(per_class) ** 2
    v = one * (agreement + (1 - agreement) / seeds) + seed_sd**2 / seeds
    return (ndtri(0.975) + ndtri(power)) * np.sqrt(v)


def simulate(rng, sizes, C, S, images=1, seed_cond=0.2, mu=(1.6, 0.7, 1.0), effect=None, patient_cond=0.3):
    """Latent logits: labels, patients and probabilities (C, S, n, K). effect (C, K) shifts the true class's logit."""
    K, m = len(sizes), []
    for left in sizes:  # images of each patient
        m.append(rng.integers(1, images + 1, size=left))
        m[-1] = m[-1][: np.searchsorted(m[-1].cumsum(), left) + 1]
        m[-1][-1] -= m[-1].sum() - left
    y, G = np.repeat(np.arange(K), sizes), sum(map(len, m))
    g = np.repeat(np.arange(G), np.concatenate(m))
    normal, n = rng.normal, len(y)
    m = np.array(mu)[y] + 1.3 * normal(size=n) + 0.7 * normal(size=G)[g]  # shared difficulty: subject, patient
    m = m + (0.5 * normal(size=(C, n)) + patient_cond * normal(size=(C, G))[:, g])[:, None]  # liked by a condition
    m = m + (seed_cond * normal(size=(C, S, K)) + 0.1 * normal(size=(S, K)))[:, :, y] + 0.8 * normal(size=(C, S, n))
    m = m if effect is None else m + np.asarray(effect)[:, None, y]
    logits = np.broadcast_to(0.7 * normal(size=(n, K)), (C, S, n, K)).copy()
    logits[:, :, np.arange(n), y] = m
    return y, g, np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)


def coverage(sizes, images, seed_cond, simulations, C=6, seeds=(2, 3, 4, 5, 10), wanted=METRICS[:3], rng_seed=0):
    """Share of intervals (1), (2) own seed variance, (2) moderated that hold the truth of the procedure."""
    rng, M, found = np.random.default_rng(rng_seed), max(seeds), {}
    truth = dict.fromkeys(wanted, 0.0)
    for _ in range(600):  # large test sets, one model each
        y, _, p = simulate(rng, tuple(10 * np.array(sizes)), 1, 1, 1, np.max(seed_cond))
        values = metrics(y, p[0], np.ones((1, len(y))), wanted)
        truth = {k: truth[k] + values[k][0, 0] / 600 for k in wanted}
    for _ in range(simulations):
        y, g, p = simulate(rng, sizes, C, M, images, seed_cond)
        all_runs, strata = jackknife(y, g, p.reshape(C * M, len(y), -1), wanted)
        for S in seeds:
            keep = (np.arange(C)[:, None] * M + np.arange(S)).ravel()
            for name, (theta, U) in all_runs.items():
                theta, U = theta[keep], U[:, keep]
                for kind, b, target in (("value", None, truth[name]), ("difference", 1, 0.0)):
                    c, pool = contrast(theta, U, C, 0, b), pooled_seed_variance(theta, C, b is not None)
                    own, mod = parts(*c, strata), parts(*c, strata, pool)
                    h = half_width(own, procedure=False), half_width(own), half_width(mod)
                    hit = [abs(own["mean"] - target) <= w for w in h]
                    found.setdefault((name, kind, S), []).append([*hit, *h])
    for key, rows in found.items():
        r = np.mean(rows, 0)
        print("{:18}{:11} S={:<3}".format(*key), *(f"{100 * r[i]:5.1f} ({r[i + 3]:.3f})" for i in range(3)))


def main():
    for n, m, sd in (((197, 72, 117), 1, 0.2), ((197, 72, 117), 8, 0.2), ((48, 7, 5), 1, 0.2), ((120, 18, 12), 1, 0.2)):
        print(f"\n{n}, up to {m} images a patient; coverage % (half-width): (1), (2) own seeds, (2) moderated")
        coverage(n, m, sd, int(sys.argv[1]) if len(sys.argv) > 1 else 300)


if __name__ == "__main__":
    main()
