"""The step of a `modern` decoder in Triton kernels; `model.cuda.triton_step` launches them.

A column is one token of one sequence at one position. Each kernel computes every column
independently, with the same program and order of operations for one column and for hundreds. So
logits are bit-identical for any batch, and speculative tokens can be verified.

Names: C columns, W width, H heads of 2·HALF, F hidden units, V ids; tensors are row-major. TILE
columns share the loaded weights; BLOCK is how much of a sum is loaded at a time. Without a GPU the
tests run the kernels in Triton's interpreter (TRITON_INTERPRET=1).
(https://triton-lang.org/main/python-api/triton.language.html)
"""

# Triton reads the annotations.
# ruff: noqa: N803
# mypy: ignore-errors

import triton
import triton.language as tl


@triton.jit
def embed(sent, embedding, x, slots, positions, WIDTH: tl.constexpr, PADDED: tl.constexpr):
    """Split columns (C, 3) from the host into embeddings (C, W), slots (C,) and positions (C,)."""
    column = tl.program_id(0)
    token = tl.load(sent + column * 3)
    tl.store(slots + column, tl.load(sent + column * 3 + 1))
    tl.store(positions + column, tl.load(sent + column * 3 + 2))
    unit = tl.arange(0, PADDED)
    inside = unit < WIDTH
    tl.store(x + column * WIDTH + unit, tl.load(embedding + token * WIDTH + unit, inside), inside)


@triton.jit
def _look_up(table, bits, key):
    """The draft table's entry for a context's key, and whether it is that context's."""
    mixed = (key ^ (key >> 29)) * 0xBF58476D1CE4E5B9
    entry = tl.load(table + (mixed >> (64 - bits)).to(tl.int64))
    return entry, (entry >> 16) == ((mixed >> 20) & 0xFFFF).to(tl.int64)


@triton.jit
def _extended_key(key, token):
    """The key of a context with one more token before it."""
    return key * 0x9E3779B97F4A7C15 + token.to(tl.uint64) + 1


@triton.jit
def speculate(
    inputs, float_inputs, states, embedding, table, x, tokens, slots, positions,
    INPUT: tl.constexpr, STATE: tl.constexpr, BASE: tl.constexpr, UNIFORMS: tl.constexpr,
    TOKENS: tl.constexpr, RING: tl.constexpr, SPARE: tl.constexpr, CONTEXT: tl.constexpr,
    WIDTH: tl.constexpr, PADDED: tl.constexpr, BITS: tl.constexpr, SPECULATIVE: tl.constexpr,
):  # fmt: skip
    """The columns of a step: each sequence's last token and SPECULATIVE tokens after it.

    Columns without a speculative token belong to the spare slot and have the token -1. The lookup
    equals that of model/native/drafts.c. INPUT, STATE: the lengths of an input and a state line.
    float_inputs: the inputs viewed as float32.
    """
    sequence = tl.program_id(0)
    line_in = inputs + sequence * INPUT
    slot = tl.load(line_in)
    state = states + slot.to(tl.int64) * STATE
    position = tl.load(state)
    number = UNIFORMS + tl.load(state + 2) - tl.load(line_in + BASE)
    uniforms = float_inputs + sequence * INPUT + number
    going = position < CONTEXT
    ring = state + TOKENS
    t0 = tl.load(ring + position % RING)
    unit = tl.arange(0, PADDED)
    inside = unit < WIDTH
    column = sequence * (SPECULATIVE + 1)
    tl.store(slots + column, tl.where(going, slot, SPARE))
    tl.store(positions + column, tl.where(going, position, 0))
    tl.store(x + column * WIDTH + unit, tl.load(embedding + t0 * WIDTH + unit, inside), inside)
    if SPECULATIVE > 0:
        t1 = tl.load(ring + (position + RING - 1) % RING)
        t2 = tl.load(ring + (position + RING - 2) % RING)
        t3 = tl.load(ring + (position + RING - 3) % RING)
        t4 = tl.load(ring + (position + RING - 4) % RING)
        t5 = tl.load(ring + (position + RING - 5) % RING)
        t6 = tl.load(ring + (position + RING - 6) % RING)
    for ahead in tl.static_range(1, SPECULATIVE + 1):
        held = position + ahead  # the length of the sequence
        key = _extended_key(_extended_key(_extended_key(tl.full((), 0, tl.uint64), t0), t1), t2)
        entry, known = _look_up(table, BITS, key)
        found = tl.where(known & (held >= 3), entry, 0)
        key = _extended_key(key, t3)
        entry, known = _look_up(table, BITS, key)
        found = tl.where(known & (held >= 4), entry, found)
        key = _extended_key(key, t4)
        entry, known = _look_up(table, BITS, key)
        found = tl.where(known & (held >= 5), entry, found)
        key = _extended_key(_extended_key(key, t5), t6)
        entry, known = _look_up(table, BITS, key)
        found = tl.where(known & (held >= 7), entry, found)
        likely = tl.load(uniforms + ahead - 1) * 256.0 < (found & 0xFF).to(tl.float32)
        going = going & likely & (position + ahead < CONTEXT)
        t6 = t5
        t5 = t4
        t4 = t3
        t3 = t2
        t2 = t1
        t1 = t0
        t0 = tl.where(going, (found >> 8) & 0xFF, 0).to(tl.int32)
        tl.store(tokens + column + ahead, tl.where(going, t0, -1))
        tl.store(slots + column + ahead, tl.where(going, slot, SPARE))
        tl.store(positions + column + ahead, tl.where(going, position + ahead, 0))
        line = x + (column + ahead) * WIDTH + unit
        tl.store(line, tl.load(embedding + t0 * WIDTH + unit, inside), inside)


@triton.jit(do_not_specialize=["columns"])
def project_heads(
    x, norm, weight, head_norms, cosines, sines, slots, positions, queries, keys, values, columns,
    WIDTH: tl.constexpr, HEADS: tl.constexpr, HALF: tl.constexpr, CONTEXT: tl.constexpr,
    EPS: tl.constexpr, TILE: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Norm, projection, QK-norm and rotation: queries (C, H, D); keys and values into the cache.

    weight: (3·H·D, W), queries, keys, values. head_norms: (2, D), of queries and of keys.
    keys, values: (slots, H, context, D). One program per head of each of the three.
    """
    column = tl.program_id(0) * TILE + tl.arange(0, TILE)
    part = tl.program_id(1)
    live = column < columns
    half = tl.arange(0, HALF)
    output = part * 2 * HALF + half
    first = tl.zeros((TILE, HALF), tl.float32)
    second = tl.zeros((TILE, HALF), tl.float32)
    squares = tl.zeros((TILE,), tl.float32)
    for start in range(0, WIDTH, BLOCK):
        unit = start + tl.arange(0, BLOCK)
        inside = unit < WIDTH
        read = tl.load(
            x + column[:, None] * WIDTH + unit[None, :], live[:, None] & inside[None, :], other=0.0
        )
        squares += tl.sum(read * read, 1)
        scaled = read * tl.load(norm + unit, inside, other=0.0)[None, :]
        scaled = scaled.to(weight.dtype.element_ty)
        places = weight + output[None, :] * WIDTH + unit[:, None]
        first = tl.dot(scaled, tl.load(places, inside[:, None], other=0.0), first)
        places += HALF * WIDTH
        second = tl.dot(scaled, tl.load(places, inside[:, None], other=0.0), second)
    root = tl.rsqrt(squares / WIDTH + EPS)[:, None]
    first *= root
    second *= root

    which = part // HEADS
    head = part % HEADS
    slot = tl.load(slots + column, live, other=0).to(tl.int64)
    position = tl.load(positions + column, live, other=0)
    if which < 2:
        size = tl.sum(first * first, 1) + tl.sum(second * second, 1)
        root = tl.rsqrt(size / (2 * HALF) + EPS)[:, None]
        gains = head_norms + which * 2 * HALF + half
        first = first * root * tl.load(gains)[None, :]
        second = second * root * tl.load(gains + HALF)[None, :]
        angle = position[:, None] * HALF + half[None, :]
        cosine = tl.load(cosines + angle)
        sine = tl.load(sines + angle)
        turned = first * cosine - second * sine
        second = second * cosine + first * sine
        first = turned
    cached = ((slot * HEADS + head) * CONTEXT + position)[:, None] * (2 * HALF) + half[None, :]
    if which == 0:
        place = queries + (column * HEADS + head)[:, None] * (2 * HALF) + half[None, :]
        tl.store(place, first.to(queries.dtype.element_ty), live[:, None])
        tl.store(place + HALF, second.to(queries.dtype.element_ty), live[:, None])
    elif which == 1:
        tl.store(keys + cached, first.to(keys.dtype.element_ty), live[:, None])
        tl.store(keys + cached + HALF, second.to(keys.dtype.element_ty), live[:, None])
    else:
        tl.store(values + cached, first.to(values.dtype.element_ty), live[:, None])
        tl.store(values + cached + HALF, second.to(values.dtype.element_ty), live[:, None])


@triton.jit
def attend(
    queries, keys, values, slots, positions, mixed, SCALE: tl.constexpr,
    HEADS: tl.constexpr, WIDTH: tl.constexpr, CONTEXT: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Attention of one head of one column over its slot, up to its own position.

    queries, mixed: (C, H, WIDTH), WIDTH the width of a head. Reads BLOCK keys at a time, with an
    online softmax (arXiv 1805.02867).
    """
    column = tl.program_id(0)
    head = tl.program_id(1)
    slot = tl.load(slots + column).to(tl.int64)
    position = tl.load(positions + column)
    unit = tl.arange(0, WIDTH)
    place = (column * HEADS + head) * WIDTH + unit
    # The hardware computes powers of two: e^s = 2^(s · log2 e).
    query = tl.load(queries + place).to(tl.float32) * (SCALE * 1.4426950408889634)
    cached = (slot * HEADS + head) * CONTEXT * WIDTH
    most = tl.full((), -float("inf"), tl.float32)
    total = tl.full((), 0.0, tl.float32)
    sums = tl.zeros((WIDTH,), tl.float32)
    for start in range(0, position + 1, BLOCK):
        at = start + tl.arange(0, BLOCK)
        inside = at <= position
        here = cached + at[:, None] * WIDTH + unit[None, :]
        key = tl.load(keys + here, inside[:, None], other=0.0).to(tl.float32)
        value = tl.load(values + here, inside[:, None], other=0.0).to(tl.float32)
        scores = tl.where(inside, tl.sum(key * query[None, :], 1), -float("inf"))
        higher = tl.maximum(most, tl.max(scores, 0))
        weights = tl.exp2(scores - higher)
        shrink = tl.exp2(most - higher)
        total = total * shrink + tl.sum(weights, 0)
        sums = sums * shrink + tl.sum(weights[:, None] * value, 0)
        most = higher
    tl.store(mixed + place, (sums / total).to(mixed.dtype.element_ty))


@triton.jit(do_not_specialize=["columns"])
def project_add(
    read, weight, x, columns, INPUTS: tl.constexpr, OUTPUTS: tl.constexpr,
    TILE: tl.constexpr, PART: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """x (C, OUTPUTS) += read (C, INPUTS) · weightᵀ; weight: (OUTPUTS, INPUTS)."""
    column = tl.program_id(0) * TILE + tl.arange(0, TILE)
    output = tl.program_id(1) * PART + tl.arange(0, PART)
    live = column < columns
    wanted = output < OUTPUTS
    sums = tl.zeros((TILE, PART), tl.float32)
    for start in range(0, INPUTS, BLOCK):
        unit = start + tl.arange(0, BLOCK)
        inside = unit < INPUTS
        given = tl.load(
            read + column[:, None] * INPUTS + unit[None, :],
            live[:, None] & inside[None, :],
            other=0.0,
        )
        matrix = tl.load(
            weight + output[None, :] * INPUTS + unit[:, None],
            inside[:, None] & wanted[None, :],
            other=0.0,
        )
        sums = tl.dot(given, matrix, sums)
    place = x + column[:, None] * OUTPUTS + output[None, :]
    both = live[:, None] & wanted[None, :]
    tl.store(place, tl.load(place, both) + sums, both)


@triton.jit(do_not_specialize=["columns"])
def gate(
    x, norm, weight, hidden, columns, WIDTH: tl.constexpr, HIDDEN: tl.constexpr,
    EPS: tl.constexpr, TILE: tl.constexpr, PART: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Norm and the first half of SwiGLU: hidden (C, F); weight: (2·F, W), gate and up."""
    column = tl.program_id(0) * TILE + tl.arange(0, TILE)
    output = tl.program_id(1) * PART + tl.arange(0, PART)
    live = column < columns
    wanted = output < HIDDEN
    gates = tl.zeros((TILE, PART), tl.float32)
    ups = tl.zeros((TILE, PART), tl.float32)
    squares = tl.zeros((TILE,), tl.float32)
    for start in range(0, WIDTH, BLOCK):
        unit = start + tl.arange(0, BLOCK)
        inside = unit < WIDTH
        read = tl.load(
            x + column[:, None] * WIDTH + unit[None, :], live[:, None] & inside[None, :], other=0.0
        )
        squares += tl.sum(read * read, 1)
        scaled = read * tl.load(norm + unit, inside, other=0.0)[None, :]
        scaled = scaled.to(weight.dtype.element_ty)
        both = inside[:, None] & wanted[None, :]
        places = weight + output[None, :] * WIDTH + unit[:, None]
        gates = tl.dot(scaled, tl.load(places, both, other=0.0), gates)
        places += HIDDEN * WIDTH
        ups = tl.dot(scaled, tl.load(places, both, other=0.0), ups)
    root = tl.rsqrt(squares / WIDTH + EPS)[:, None]
    gates *= root
    ups *= root
    made = gates * tl.sigmoid(gates) * ups
    place = hidden + column[:, None] * HIDDEN + output[None, :]
    tl.store(place, made.to(hidden.dtype.element_ty), live[:, None] & wanted[None, :])


@triton.jit(do_not_specialize=["columns"])
def head_logits(
    x, norm, weight, logits, columns, WIDTH: tl.constexpr, VOCABULARY: tl.constexpr,
    EPS: tl.constexpr, TILE: tl.constexpr, PART: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """The final norm and the head: logits (C, V) float32; weight: (V, W)."""
    column = tl.program_id(0) * TILE + tl.arange(0, TILE)
    output = tl.program_id(1) * PART + tl.arange(0, PART)
    live = column < columns
    wanted = output < VOCABULARY
    sums = tl.zeros((TILE, PART), tl.float32)
    squares = tl.zeros((TILE,), tl.float32)
    for start in range(0, WIDTH, BLOCK):
        unit = start + tl.arange(0, BLOCK)
        inside = unit < WIDTH
        read = tl.load(
            x + column[:, None] * WIDTH + unit[None, :], live[:, None] & inside[None, :], other=0.0
        )
        squares += tl.sum(read * read, 1)
        scaled = read * tl.load(norm + unit, inside, other=0.0)[None, :]
        matrix = tl.load(
            weight + output[None, :] * WIDTH + unit[:, None],
            inside[:, None] & wanted[None, :],
            other=0.0,
        )
        sums = tl.dot(scaled.to(weight.dtype.element_ty), matrix, sums)
    sums *= tl.rsqrt(squares / WIDTH + EPS)[:, None]
    place = logits + column[:, None] * VOCABULARY + output[None, :]
    tl.store(place, sums, live[:, None] & wanted[None, :])


@triton.jit
def _pick(logits, ids, temperature, top_p, uniform, PADDED: tl.constexpr):
    """The id that `model.pytorch.sampling.sample` gives for logits (PADDED,), without a sort: the
    rank of an id follows from the probability before it."""
    greedy = temperature < 1e-3
    scaled = logits / tl.where(greedy, 1.0, temperature)
    shares = tl.exp(scaled - tl.max(scaled, 0))
    shares = shares / tl.sum(shares, 0)
    more = shares[None, :] > shares[:, None]
    same = (shares[None, :] == shares[:, None]) & (ids[None, :] < ids[:, None])
    before = tl.sum(tl.where(more | same, shares[None, :], 0.0), 1)
    kept = (shares > 0.0) & (before < top_p) & ((before == 0.0) | (not greedy))
    total = tl.sum(tl.where(kept, shares, 0.0), 0)
    reached = tl.where(kept & (before <= uniform * total), before, -1.0)
    chosen = reached == tl.max(reached, 0)
    return tl.min(tl.where(chosen, ids, PADDED), 0)


@triton.jit
def sample_tokens(
    logits, masks, constraints, following, inputs, float_inputs, states, sampling_params, tokens,
    outputs,
    INPUT: tl.constexpr, STATE: tl.constexpr, OUTPUT: tl.constexpr, BASE: tl.constexpr,
    UNIFORMS: tl.constexpr, TOKENS: tl.constexpr, RING: tl.constexpr, CONTEXT: tl.constexpr,
    VOCABULARY: tl.constexpr, PADDED: tl.constexpr, SPECULATIVE: tl.constexpr, MOST: tl.constexpr,
):  # fmt: skip
    """Sample a sequence's next token, and one more after every speculative token that matches.

    Appends to the outputs and advances the state; a full slot stays as it is.
    """
    sequence = tl.program_id(0)
    line_in = inputs + sequence * INPUT
    slot = tl.load(line_in).to(tl.int64)
    held = states + slot * STATE
    position = tl.load(held)
    state = tl.load(held + 1)
    used = tl.load(held + 2)
    temperature = tl.load(sampling_params + slot * 2)
    top_p = tl.load(sampling_params + slot * 2 + 1)
    number = UNIFORMS + used - tl.load(line_in + BASE)
    uniforms = float_inputs + sequence * INPUT + number
    line_out = outputs + sequence * OUTPUT
    count = tl.load(line_out)
    ids = tl.arange(0, PADDED)
    known = ids < VOCABULARY
    going = position < CONTEXT
    drawn = 0
    while going:
        column = sequence * (SPECULATIVE + 1) + drawn
        found = tl.load(logits + column * VOCABULARY + ids, known, other=-float("inf"))
        mask = tl.load(constraints + state) * VOCABULARY
        found += tl.load(masks + mask + ids, known, other=0.0)
        token = _pick(found, ids, temperature, top_p, tl.load(uniforms + drawn), PADDED)
        state = tl.load(following + state * VOCABULARY + token)
        most = tl.max(found, 0)
        own = tl.sum(tl.where(ids == token, found, 0.0), 0)
        likelihood = own - most - tl.log(tl.sum(tl.exp(found - most), 0))
        # A column without a speculative token has -1, which matches no token.
        going = token == tl.load(tokens + column + 1, drawn < SPECULATIVE, other=-1)
        drawn += 1
        tl.store(line_out + count + drawn, token)
        tl.store(line_out + MOST + count + drawn, likelihood.to(tl.int32, bitcast=True))
        tl.store(held + TOKENS + (position + drawn) % RING, token)
    tl.store(line_out, count + drawn)
    tl.store(held, position + drawn)
    tl.store(held + 1, state)
    tl.store(held + 2, used + drawn)
