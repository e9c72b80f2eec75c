"""How good an answer is: scorers, the judge model, and the statistics of many answers. Pure, but for the judge's requests.

    from core.scoring.types import Score, Scored
    from core.scoring.scorers import SCORERS, default_scorer, score, validate
    from core.scoring.judge import Judge, judge_prompts, pair_verdict, parse_verdict
    from core.scoring.statistics import summarise

Nothing heavy is imported before it is needed: numpy, sacrebleu, rapidfuzz, jsonschema and regex come with the first answer that
needs them.
"""
