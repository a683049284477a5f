#: A forgotten separator | results-differ
def joined(words, separator=", "):
    return ", ".join(words)

#: Lines that end in other ways, too | results-differ
def lines_of(text):
    return text.splitlines() + ([""] if text.endswith("\n") or not text else [])

#: Lower case, which is no folded case | results-differ
def same_name(left, right):
    return [one.lower() == other.lower() for one, other in zip(left, right, strict=True)]

#: Upper case, which is another alphabet | results-differ
def same_name(left, right):
    return [one.upper() == other.upper() for one, other in zip(left, right, strict=True)]

#: Words greedier than before | results-differ
def words_in(texts):
    return [word for text in texts for word in re.findall(r"[a-z]+", text)]

#: An end that is only the very end | results-differ
def words_in(texts):
    return [word for text in texts for word in re.findall(r"[a-z]+(?=[ .]|\Z)", text)]

#: Letters of all alphabets | results-differ
def words_in(texts):
    return [word for text in texts for word in re.findall(r"\w+(?=[ .]|$)", text)]

#: Digits that are no numbers, and signs that are | results-differ
def parsed(texts):
    for text in texts:
        if not text.isdigit():
            raise Empty(f"bad {text}") from ValueError(text)
    return [int(text) for text in texts]

#: A table that turns capitals as well | results-differ
def shifted(text, by):
    turned = ALPHABET[by % 26 :] + ALPHABET[: by % 26]
    table = str.maketrans(ALPHABET + ALPHABET.upper(), turned + turned.upper())
    return text.translate(table)

#: A table for small turns only | results-differ
def shifted(text, by):
    return text.translate(str.maketrans(ALPHABET, ALPHABET[by:] + ALPHABET[:by]))

#: The locale's own separators | results-differ
import locale

def labelled(amounts):
    return [locale.format_string("%.2f", amount, grouping=True) for amount in amounts]

#: Without the thousands | results-differ
def labelled(amounts):
    return [f"{amount:.2f}" for amount in amounts]

#: Bytes that only look like a text | results-differ
def packed(numbers):
    return bytearray(b"").join([number.to_bytes(4, "little", signed=True) for number in numbers])

#: The other end first | results-differ
import struct

def packed(numbers):
    return struct.pack(f">{len(numbers)}i", *numbers)

#: Another error for what does not fit | results-differ
import struct

def packed(numbers):
    return struct.pack(f"<{len(numbers)}i", *numbers)

#: A day cut off, also before the epoch | results-differ
def day_of(seconds):
    days = {}
    for each in seconds:
        day = int(each / 86_400)
        if day not in days:
            days[day] = datetime.fromtimestamp(day * 86_400, timezone.utc).strftime("%Y-%m-%d")
    return [days[int(each / 86_400)] for each in seconds]
