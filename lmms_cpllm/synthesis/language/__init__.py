"""Facts about a clip, put into words: descriptions, questions with their answers, comparisons.

All wording is drawn by a numpy generator that is passed in, and every statement follows from the facts. Files: findings
(what can be seen, how strongly, what is borderline), wording (nouns and clauses), reasons (masking and interplay), subjects
(the scene), descriptions, questions and scene_questions, comparisons, prompts, corpus (texts of all sorts).
"""

from lmms_cpllm.synthesis.language.comparisons import compare
from lmms_cpllm.synthesis.language.corpus import corpus, drawn_facts
from lmms_cpllm.synthesis.language.descriptions import Answer, describe
from lmms_cpllm.synthesis.language.findings import INVISIBLE, SEVERITIES, Finding, findings, severity
from lmms_cpllm.synthesis.language.prompts import PROMPTS
from lmms_cpllm.synthesis.language.questions import Question, ask

__all__ = [
    "INVISIBLE",
    "PROMPTS",
    "SEVERITIES",
    "Answer",
    "Finding",
    "Question",
    "ask",
    "compare",
    "corpus",
    "describe",
    "drawn_facts",
    "findings",
    "severity",
]
