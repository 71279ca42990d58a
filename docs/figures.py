"""Draw the figures of the documentation: ``python docs/figures.py [RUN]``.

All but one need no data: they show the models on the embedded synthetic sounds. RUN, the folder of
``heschl score spectrotemporal --dataset natsound165 --output RUN``, gives ``components.png``.
"""

from __future__ import annotations

import argparse
import colorsys
import io
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from numpy.typing import NDArray
from PIL import Image

import heschl
from heschl.models import cochleagram as coch
from heschl.models import spectrotemporal as st
from heschl.report.figures import style
from heschl.report.intervals import plot_intervals
from heschl.report.palette import color
from heschl.results import merge

IMAGES = Path(__file__).parent / "images"
DPI = 108
PAPER, INK, MUTED, RULE = (color(name) for name in ("paper", "ink", "muted", "rule"))
TEAL, ORANGE = color("m0"), color("m1")

#: Low to high, for quantities from zero on.
SEQUENTIAL = LinearSegmentedColormap.from_list("heschl", [PAPER, "#8fcdc4", TEAL, "#06322f"])
#: Negative, zero, positive.
DIVERGING = LinearSegmentedColormap.from_list(
    "heschl2", [ORANGE, "#f4b183", PAPER, "#8fcdc4", TEAL]
)

#: One sound of each kind, and what it is called in the figures.
SHOWN = {
    "speech_01_male_slow": "speech",
    "music_01_flute_melody": "melody (flute)",
    "nature_04_rain": "rain",
}
#: Components in the order of the publication.
COMPONENTS = ("lowfreq", "highfreq", "envsounds", "pitch", "speech", "music")


def save(figure: Figure, name: str) -> None:
    """Write a figure as PNG of 256 colours, to keep it small, and say how large it is."""
    path = IMAGES / name
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=DPI, facecolor=PAPER)
    image = Image.open(drawn).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    sys.stdout.write(f"{path.name}: {path.stat().st_size / 1000:.0f} kB\n")


def waveforms() -> dict[str, NDArray[np.float32]]:
    """Return the sounds shown, at 20 kHz and the level of the models, (40000,) each."""
    sounds = heschl.load_dataset("synthetic").sounds
    chosen = heschl.Sounds([c for c in sounds if c.name in SHOWN], duration=sounds.duration)
    model = heschl.load_model("cochleagram")
    prepared = model.prepare(chosen.waveforms(model.sample_rate))
    return dict(zip(chosen.names, prepared, strict=True))


def frequency_axis(ax: Axes) -> None:
    """Label the channels of a cochleagram in kHz."""
    peaks = coch.centre_frequencies()
    ticks = [100, 300, 1000, 3000, 8000]
    channels = np.interp(ticks, peaks, coch.OVERLAP + np.arange(len(peaks)))
    ax.set_yticks(channels, [f"{tick / 1000:g}" for tick in ticks])


def draw_cochleagrams() -> None:
    """Cochleagrams of three sounds."""
    figure = Figure(figsize=(9, 2.6), layout="constrained")
    axes = figure.subplots(1, 3, sharey=True)
    for ax, (name, waveform) in zip(axes, waveforms().items(), strict=True):
        image = coch.cochleagram(waveform)
        drawn = ax.imshow(
            image,
            origin="lower",
            aspect="auto",
            cmap=SEQUENTIAL,
            vmin=0,
            vmax=0.6,
            extent=(0, image.shape[1] / coch.FRAME_RATE, -0.5, len(image) - 0.5),
        )
        ax.set(title=SHOWN[name], xlabel="time (s)")
    frequency_axis(axes[0])
    axes[0].set_ylabel("frequency (kHz)")
    bar = figure.colorbar(drawn, ax=axes, pad=0.01, aspect=30)
    bar.set_label("compressed envelope", color=MUTED)
    bar.outline.set_visible(False)
    save(figure, "cochleagram.png")


def impulse_response(sign: int, scale: float, rate: float) -> NDArray[np.float64]:
    """One modulation filter as what it answers to a click in one channel.

    Returns
    -------
    ndarray, shape (422, 390)
        Channels (circular, the click in the middle) by frames of 5 ms.
    """
    n_frames = coch.n_frames(2 * coch.SAMPLE_RATE)
    spectral = st.spectral_response(scale, coch.N_CHANNELS)
    temporal = st.temporal_response(rate, n_frames)
    over_scale = np.sign(np.fft.fftfreq(len(spectral)))[:, None]
    over_rate = np.sign(np.fft.fftfreq(len(temporal)))[None]
    response = spectral[:, None] * temporal[None]
    response[(over_scale * over_rate) == -sign * np.sign(rate) * np.sign(scale)] = 0
    return np.fft.fftshift(np.fft.ifft2(response).real, axes=0)[:, :n_frames]


def draw_filters() -> None:
    """Impulse responses of nine modulation filters."""
    shown = [(-1, s, r) for s in (0.25, 1.0) for r in (2.0, 8.0, 32.0)]
    shown += [(1, 1.0, r) for r in (2.0, 8.0, 32.0)]
    figure = Figure(figsize=(9, 5.4), layout="constrained")
    for ax, (sign, scale, rate) in zip(figure.subplots(3, 3).flat, shown, strict=True):
        image = impulse_response(sign, scale, rate)
        duration, width = min(1.95, 4 / rate), 1.5 / scale
        middle = len(image) // 2
        half = round(min(width * st.CHANNELS_PER_ERB, middle))
        image = image[middle - half : middle + half, : round(duration * coch.FRAME_RATE)]
        top = abs(image).max()
        ax.imshow(
            image,
            origin="lower",
            aspect="auto",
            cmap=DIVERGING,
            vmin=-top,
            vmax=top,
            extent=(0, duration, -half / st.CHANNELS_PER_ERB, half / st.CHANNELS_PER_ERB),
        )
        way = "upward" if sign < 0 else "downward"
        ax.set_title(f"{scale:g} cycles/ERB, {rate:g} Hz, {way}", fontsize=8)
    for ax in figure.axes[::3]:
        ax.set_ylabel("ERB")
    for ax in figure.axes[-3:]:
        ax.set_xlabel("time (s)")
    save(figure, "filters.png")


def draw_modulation_power() -> None:
    """Modulation power of three sounds, averaged over channels, against that of all sounds."""
    sounds = heschl.load_dataset("synthetic").sounds
    model = heschl.load_model("spectrotemporal")
    mine = [model(w)["avgpool"][0, :, :, 0].mean(axis=1) for w in waveforms().values()]
    every = model(sounds[::4].waveforms(model.sample_rate))["avgpool"][..., 0].mean(axis=2)
    usual = np.log10(every).mean(axis=0)
    scales, rates = st.SPECTRAL_SCALES[1:], st.TEMPORAL_RATES[1:]
    place = {key: i for i, key in enumerate(st.filter_table())}
    columns = [(1, rate) for rate in rates[::-1]] + [(-1, rate) for rate in rates]
    table = np.array([[place[sign, s, rate] for sign, rate in columns] for s in scales])
    figure = Figure(figsize=(9, 2.7), layout="constrained")
    axes = figure.subplots(1, 3, sharey=True)
    for ax, name, power in zip(axes, waveforms(), mine, strict=True):
        image = 10 * (np.log10(power) - usual)[table]
        drawn = ax.imshow(image, origin="lower", aspect="auto", cmap=DIVERGING, vmin=-9, vmax=9)
        ticks = [2, 4, 6, 9, 11, 13]
        ax.set_xticks(ticks, [f"{columns[i][1]:g}" for i in ticks], fontsize=7.5)
        ax.axvline(len(rates) - 0.5, color=PAPER, linewidth=2)
        ax.set(title=SHOWN[name], xlabel="downward  |  rate (Hz)  |  upward")
    axes[0].set_yticks(range(len(scales)), [f"{s:g}" for s in scales], fontsize=7.5)
    axes[0].set_ylabel("scale (cycles/ERB)")
    bar = figure.colorbar(drawn, ax=axes, pad=0.01, aspect=30)
    bar.set_label("dB re mean of sounds", color=MUTED)
    bar.outline.set_visible(False)
    save(figure, "modulation-power.png")


def draw_idea() -> None:
    """Sounds, activations, regression, prediction against measurement: with real numbers."""
    dataset = heschl.load_dataset("synthetic")
    result = heschl.score("cochleagram", dataset, show_progress=False)
    activations = heschl.extract("cochleagram", dataset.sounds, show_progress=False)
    detail = result.details[0]
    best = int(np.argmax(detail.r2))
    figure = Figure(figsize=(9, 2.3))
    lefts, width, bottom, height = (0.03, 0.285, 0.54, 0.795), 0.175, 0.14, 0.68
    sound, layer, response, match = (
        figure.add_axes((left, bottom, width, height)) for left in lefts
    )
    for i, waveform in enumerate(list(waveforms().values())[::-1]):
        wave = waveform[::20]
        sound.plot(i + 0.42 * wave / abs(wave).max(), color=TEAL, linewidth=0.5)
    layer.imshow(
        activations["cochleagram"][::2, 4:207:2], aspect="auto", cmap=SEQUENTIAL, origin="lower"
    )
    measured = detail.measured[:, :40] - detail.measured[:, :40].mean(axis=0)
    response.imshow(
        measured[::2] / measured.std(axis=0),
        aspect="auto",
        cmap=DIVERGING,
        vmin=-2.5,
        vmax=2.5,
        origin="lower",
    )
    match.plot(detail.predicted[:, best], detail.measured[:, best], "o", ms=3, mew=0, color=TEAL)
    match.set(xlabel="predicted", ylabel="measured")
    text = f"$r^2$ = {detail.r2[best]:.2f}"
    match.text(0.05, 0.95, text, va="top", transform=match.transAxes, parse_math=True)
    titles = ("sounds", "activations of a layer", "responses of voxels", "a voxel, held-out sounds")
    for ax, title in zip(figure.axes, titles, strict=True):
        ax.set(xticks=[], yticks=[])
        figure.text(ax.get_position().x0, 0.9, title, weight="bold")
    layer.set(xlabel="features", ylabel="sounds")
    response.set(xlabel="voxels", ylabel="sounds")
    sound.spines[:].set_visible(False)
    steps = ((0.208, 0.272, "model"), (0.465, 0.526, "ridge"), (0.72, 0.772, "score"))
    for start, end, text in steps:
        arrow = FancyArrowPatch(
            (start, 0.48),
            (end - 0.008, 0.48),
            transform=figure.transFigure,
            color=ORANGE,
            arrowstyle="-|>",
            mutation_scale=11,
            linewidth=1.6,
        )
        figure.add_artist(arrow)
        figure.text((start + end) / 2 - 0.004, 0.53, text, ha="center", color=ORANGE, fontsize=8.5)
    save(figure, "idea.png")


def draw_components(run: Path) -> None:
    """Scores of the six components beside the published ones."""
    result = heschl.Results.load(run)
    detail = next(d for d in result.details if d.model == "spectrotemporal")
    scores = dict(zip(detail.targets["target"], detail.r2, strict=True))
    labels = dict(zip(detail.targets["target"], detail.targets["label"], strict=True))
    published = detail.published["spectrotemporal"]
    figure = Figure(figsize=(7.6, 3.1), layout="constrained")
    ax = figure.subplots()
    at = np.arange(len(COMPONENTS))
    pairs = (
        (-0.19, published, lighter(MUTED), "published (Pepino et al. 2025, Figure 4)", 2),
        (0.19, scores, TEAL, "heschl", 4),
    )
    for shift, values, paint, label, digits in pairs:
        heights = [values[name] for name in COMPONENTS]
        ax.bar(at + shift, heights, 0.36, color=paint, label=label)
        for x, value in zip(at + shift, heights, strict=True):
            ax.text(x, value + 0.012, f"{value:.{digits}f}", ha="center", fontsize=7.5, color=INK)
    ax.set_xticks(at, [labels[name] for name in COMPONENTS])
    ax.tick_params(axis="x", length=0, labelcolor=INK)
    ax.set(ylim=(0, 0.92), ylabel="$r^2$ of held-out sounds")
    ax.yaxis.label.set_parse_math(True)
    ax.set_title("SpectroTemporal model, six components of auditory cortex, 165 natural sounds")
    ax.grid(axis="y")
    ax.legend(loc="upper right", ncols=2)
    save(figure, "components.png")


def draw_intervals() -> None:
    """Draw scores of the models on the embedded dataset with intervals and ceilings."""
    models = ("spectrotemporal", "cochleagram", "melspectrogram")
    results = merge([heschl.score(model, "synthetic", metric="rsa") for model in models])
    save(plot_intervals(results.scores, models), "intervals.png")


def lighter(paint: str) -> tuple[float, float, float]:
    """Return a colour, half way to white."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*to_rgb(paint))
    return colorsys.hls_to_rgb(hue, (1 + lightness) / 2, saturation)


def main() -> None:
    """Draw all figures that can be drawn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", nargs="?", type=Path, help="results on natsound165")
    options = parser.parse_args()
    IMAGES.mkdir(exist_ok=True)
    mpl.use("agg")
    with style():
        draw_cochleagrams()
        draw_filters()
        draw_modulation_power()
        draw_idea()
        draw_intervals()
        if options.run is not None:
            draw_components(options.run)


if __name__ == "__main__":
    main()
