"""Draws lake.png: hills behind a lake, at dusk. The same picture each time."""
import math
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, 'src'))
import png  # noqa: E402

WIDTH, HEIGHT, SHORE = 480, 320, 205
SKY = ((0.0, (24, 22, 62)), (0.45, (116, 58, 110)), (0.75, (226, 110, 90)), (1.0, (255, 206, 130)))
SUN = (318, 150, 24)
# Where, how tall, of what colour, how many, how much of the sky's light lies on them.
HILLS = ((150, 26, (136, 74, 112), 3, 0.4), (172, 22, (84, 48, 92), 5, 0.22),
         (192, 13, (38, 26, 58), 9, 0.08))


def mixed(a, b, share):
    return tuple(x + (y - x) * share for x, y in zip(a, b))


def sky(y):
    share = min(1.0, y / SHORE)
    for (low, first), (high, second) in zip(SKY, SKY[1:]):
        if share <= high:
            return mixed(first, second, (share - low) / (high - low))
    return SKY[-1][1]


def ridge(base, tall, steps):
    """Heights of a hill's outline: waves of fixed, odd lengths on one another."""
    waves = [(tall / (n + 1), steps * (n + 0.7) * math.tau / WIDTH, random.random() * math.tau)
             for n in range(6)]
    return [base - sum(size * math.sin(x * turn + start) for size, turn, start in waves) * 0.5
            for x in range(WIDTH)]


def landscape():
    random.seed(7)
    outlines = [(ridge(base, tall, steps), colour, light)
                for base, tall, colour, steps, light in HILLS]
    stars = {(random.randrange(WIDTH), random.randrange(90)): random.random() for _ in range(110)}
    rows = []
    for y in range(SHORE):
        row = []
        for x in range(WIDTH):
            pixel = sky(y)
            away = math.hypot(x - SUN[0], y - SUN[1])
            pixel = mixed(pixel, (255, 236, 180), 0.75 * math.exp(-away / 60))
            if away < SUN[2]:
                pixel = mixed((255, 250, 220), pixel, max(0.0, away - SUN[2] + 1.5) / 1.5)
            if (x, y) in stars:
                pixel = mixed(pixel, (255, 255, 255), stars[x, y] * (1 - y / 90))
            for outline, colour, light in outlines:
                cover = min(1.0, max(0.0, y - outline[x]))
                haze = mixed(colour, sky(SHORE), light * max(0.0, 1 - (y - outline[x]) / 40))
                pixel = mixed(pixel, haze, cover)
            row.append(pixel)
        rows.append(row)
    return rows


def lake(land):
    rows = []
    for y in range(HEIGHT - SHORE):
        depth = y / (HEIGHT - SHORE)
        row = []
        for x in range(WIDTH):
            wave = math.sin(y * 0.9 + 9 * math.sin(x * 0.021 + y * 0.13)) * (0.6 + 2.4 * depth)
            mirror = land[max(0, min(SHORE - 1, round(SHORE - 1 - y * 1.6 + wave)))]
            pixel = mirror[max(0, min(WIDTH - 1, round(x + wave * 1.4)))]
            pixel = mixed(pixel, (18, 20, 52), 0.25 + 0.45 * depth)
            glint = math.exp(-abs(x - SUN[0]) / (10 + 40 * depth)) * max(0.0, wave) * 0.18
            row.append(mixed(pixel, (255, 214, 150), min(0.8, glint)))
        rows.append(row)
    return rows


def main():
    land = landscape()
    grain = random.Random(3)
    rows = [bytes(max(0, min(255, round(value + grain.uniform(-0.6, 0.6))))
                  for pixel in row for value in pixel) for row in land + lake(land)]
    data = png.encode(png.Picture(WIDTH, 3, rows))
    with open(os.path.join(HERE, 'lake.png'), 'wb') as file:
        file.write(data)
    print(len(data), 'bytes')


if __name__ == '__main__':
    main()
