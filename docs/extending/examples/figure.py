from recurate.figures import TrainedFigure
from recurate.figures.parts import style, words
from recurate.figures.parts.series import read_metrics, student_band


class MeanReward(TrainedFigure):
    """Mean reward by generation, a line for each arm."""

    reads = ("metrics",)

    def draw(self, study, files):
        measured = read_metrics(files.metrics, study.arms)
        caption = words.paragraph("Mean reward by generation.", words.bands(len(study.seeds)), words.answers(study))
        return style.Printed(picture(study.arms, measured), caption)


@style.styled
def picture(arms, measured):
    figure = style.new_figure(style.SINGLE_COLUMN, 2.5)
    axes = figure.subplots()
    for name, colour in zip(arms, style.graded(len(arms)), strict=True):
        band = student_band(measured[name]["reward_mean"])
        style.draw_measured(axes, band, colour, label=words.arm_title(arms[name].title))
        style.generation_axis(axes, len(band.mean) - 1)
    axes.set_ylabel("mean reward")
    axes.legend()
    return figure
