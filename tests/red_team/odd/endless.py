#: What never returns for some inputs is judged by the others
def halved(number):
    steps = 0
    while number != 1:
        half, odd = divmod(number, 2)
        number = number * 3 + 1 if odd else half
        steps += 1
    return steps

#: It may not get stuck where it did not | timed-out | took more than
def halved(number):
    steps = 0
    while number != 1:
        number = number // 2 if number % 2 == 0 else number
        steps += 1
    return steps

#: What recurses without end for some inputs is judged by the others
def deep(number):
    return 0 if number == 0 else 1 + deep(number - 1)

#: A recursion that has no end any more | results-differ | RecursionError
def deep(number):
    return deep(number) if number else 0

#: A version that cannot be interrupted | crashed | SIGPROF
def stubborn(number):
    while True:
        try:
            while number > 1:
                pass
            return sum(range(number % 1000))
        except BaseException:
            continue

#: A version that prints without end | timed-out
def deep(number):
    while True:
        print("x" * 1_000_000)

#: A version that prints a hundred megabytes and then is right | results-differ | printed
def halved(number):
    for _ in range(100):
        print("x" * 1_000_000)
    steps = 0
    while number != 1:
        number = number // 2 if number % 2 == 0 else number * 3 + 1
        steps += 1
    return steps

#: A version that takes all the memory | results-differ
def halved(number):
    return len([0] * 10**12)
