#: join
def joined(words, separator=", "):
    return separator.join(words)

#: split
def lines_of(text):
    return text.split("\n")

#: A pattern compiled once
def words_in(texts):
    return [word for text in texts for word in _WORD.findall(text)]

_WORD = re.compile(r"[a-z]+(?=[ .]|$)")

#: A bound method taken once
def words_in(texts):
    words = re.compile(r"[a-z]+(?=[ .]|$)").findall
    found = []
    for text in texts:
        found.extend(words(text))
    return found

#: map over a method of strings
def same_name(left, right):
    fold = str.casefold
    return [fold(one) == fold(other) for one, other in zip(left, right, strict=True)]

#: A table made once per call
def shifted(text, by):
    turned = ALPHABET[by % 26 :] + ALPHABET[: by % 26]
    return text.translate(str.maketrans(ALPHABET, turned))

#: All tables made once per module
def shifted(text, by):
    return text.translate(_TURNS[by % 26])

_TURNS = tuple(str.maketrans(ALPHABET, ALPHABET[by:] + ALPHABET[:by]) for by in range(26))

#: One join for many bytes
def packed(numbers):
    return b"".join([number.to_bytes(4, "little", signed=True) for number in numbers])

#: An f-string
def labelled(amounts):
    return [f"{amount:,.2f}" for amount in amounts]

#: One formatter
def labelled(amounts):
    return list(map("{:,.2f}".format, amounts))

#: A method that is written in C
def day_of(seconds):
    return [datetime.fromtimestamp(each, timezone.utc).strftime("%Y-%m-%d") for each in seconds]

#: One print
def shout(words):
    if words:
        print("\n".join([word.upper() for word in words]))
    return len(words)

#: One write
import sys

def shout(words):
    sys.stdout.write("".join([word.upper() + "\n" for word in words]))
    return len(words)
