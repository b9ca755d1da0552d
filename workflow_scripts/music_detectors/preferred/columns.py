"""The columns of the tables of preferred stimuli."""

PREFERRED = {
    "layer": str,
    "unit": int,
    "rank": int,
    "begun_from": str,
    "response_before": float,
    "response": float,
    "best_response": float,
    "ratio": float,
}
"""`preferred/{target}/{condition}/seed-{seed}/units.tsv`: one row per unit whose preferred stimulus
was sought, the most selective ones in the order of their rank; none where no gradient reaches the
input of the model.

The ascent was `begun_from` the mean spectrum (`mean`) or, where the unit is silent there, from a
train clip, whose id it is. `response_before` and `response` are those to the stimulus before and
after it, `best_response` the largest to any test clip, and `ratio` is `response` over it (empty
where no test clip evokes a response).
"""

TOP_CLIPS = {
    "unit": int,
    "place": int,
    "clip_id": str,
    "response": float,
}
"""`preferred/{target}/{condition}/seed-{seed}/clips.tsv`: the test clips that drive each of these
units most, `place` 1 the first.
"""
