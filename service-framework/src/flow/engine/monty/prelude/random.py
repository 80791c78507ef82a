# `random` and `uuid`: drawn by the host and kept, so that a replay draws the same.


def __flow_make_random(core):
    def draw():
        return core.ask("random.float")

    def randbytes(n):
        return core.ask("random.bytes", n)

    def getrandbits(k):
        if k < 0:
            raise ValueError("number of bits must be non-negative")
        number = 0
        for byte in randbytes((k + 7) // 8):
            number = number * 256 + byte
        return number >> (-k % 8)

    def below(n):
        # A float has 53 bits, enough for every number that is not huge.
        if n <= 1 << 40:
            return int(draw() * n)
        bits = 40
        while n >> bits:
            bits += 1
        while True:
            number = getrandbits(bits)
            if number < n:
                return number

    def randrange(start, stop=None, step=1):
        first, end = (0, start) if stop is None else (start, stop)
        width = (end - first + step - (1 if step > 0 else -1)) // step
        if width <= 0:
            raise ValueError(f"empty range for randrange({first}, {end}, {step})")
        return first + step * below(width)

    def randint(a, b):
        return randrange(a, b + 1)

    def uniform(a, b):
        return a + (b - a) * draw()

    def choice(items):
        if not len(items):
            raise IndexError("Cannot choose from an empty sequence")
        return items[below(len(items))]

    def choices(items, *, k=1):
        return [choice(items) for _ in range(k)]

    def shuffle(items):
        for last in range(len(items) - 1, 0, -1):
            other = below(last + 1)
            kept = items[last]
            items[last] = items[other]
            items[other] = kept

    def sample(items, k):
        if k < 0 or k > len(items):
            raise ValueError("Sample larger than population or is negative")
        left = list(items)
        return [left.pop(below(len(left))) for _ in range(k)]

    random = __flow_Module()
    random.random = draw
    random.randbytes = randbytes
    random.getrandbits = getrandbits
    random.randrange = randrange
    random.randint = randint
    random.uniform = uniform
    random.choice = choice
    random.choices = choices
    random.shuffle = shuffle
    random.sample = sample

    class UUID:
        """An identifier of 128 bits."""

        def __init__(self, text):
            text = str(text).lower().replace("urn:uuid:", "").strip("{}").replace("-", "")
            if len(text) != 32 or [digit for digit in text if digit not in "0123456789abcdef"]:
                raise ValueError("badly formed hexadecimal UUID string")
            self.hex = text

        def __str__(self):
            text = self.hex
            return "-".join([text[:8], text[8:12], text[12:16], text[16:20], text[20:]])

        def __repr__(self):
            return f"UUID('{self}')"

        def __eq__(self, other):
            return isinstance(other, UUID) and self.hex == other.hex

    def uuid4():
        return UUID(core.ask("uuid.new"))

    uuid = __flow_Module()
    uuid.UUID = UUID
    uuid.uuid4 = uuid4
    return random, uuid
