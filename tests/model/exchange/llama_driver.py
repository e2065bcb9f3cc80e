"""Asks llama.cpp, in an environment that has nothing but it: a question of JSON in, answers out.

python llama_driver.py < question > answers
"""

import json
import math
import sys

from llama_cpp import Llama

F32 = 0  # GGML_TYPE_F32, for the keys and values that are kept


def main() -> None:
    """Answer one question."""
    question = json.load(sys.stdin)
    llama = Llama(
        question["model"],
        n_ctx=question["context"],
        n_threads=1,
        logits_all=True,
        verbose=False,
        type_k=F32,
        type_v=F32,
    )
    answer = {
        "tokens": [llama.tokenize(text.encode(), special=True) for text in question["read"]],
        "shown": [
            llama.detokenize(llama.tokenize(text.encode())).decode() for text in question["read"]
        ],
        "written": [
            llama(phrase, max_tokens=question["characters"], temperature=0.0, repeat_penalty=1.0)[
                "choices"
            ][0]["text"]
            for phrase in question["phrases"]
        ],
        "loss": loss(llama, question["text"]),
    }
    json.dump(answer, sys.stdout)


def loss(llama: Llama, text: str) -> float:
    """Mean nats per token that the text costs."""
    tokens = llama.tokenize(text.encode())
    llama.reset()
    llama.eval(tokens)
    total = 0.0
    for logits, token in zip(llama.scores, tokens[1:], strict=False):
        largest = float(max(logits))
        total += largest + math.log(sum(math.exp(each - largest) for each in logits))
        total -= float(logits[token])
    return total / (len(tokens) - 1)


main()
