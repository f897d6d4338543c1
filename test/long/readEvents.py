"""What TensorBoard's own reader finds in a folder of event files, as JSON. usage: readEvents.py FOLDER"""
import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "histograms": 0, "tensors": 0})
events.Reload()
tags = events.Tags()
scalars = {tag: [[event.step, event.value] for event in events.Scalars(tag)] for tag in tags["scalars"]}
histograms = {
    tag: [[event.step, event.histogram_value.num, sum(event.histogram_value.bucket)] for event in events.Histograms(tag)]
    for tag in tags["histograms"]
}
content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
started = metadata.parse_session_start_info_plugin_data(content)
hparams = {name: getattr(value, value.WhichOneof("kind")) for name, value in started.hparams.items()}
json.dump({"scalars": scalars, "histograms": histograms, "hparams": hparams}, sys.stdout)
