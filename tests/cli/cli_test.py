"""The program as a person uses it: what it prints and writes, and what it says of bad input."""

import gzip
import json
import math
import os
import pathlib
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

SYNFIRE = str(pathlib.Path(sys.argv.pop(1)).resolve())
SMALL = ["--data", "silhouettes", "--limit", "640"]
NETS = ["nonspiking", "spiking", "spiking_csr", "spiking_blocked", "deep", "lif", "lowpass"]


def call(*arguments, cwd=None, environment=None):
    return subprocess.run(
        [SYNFIRE, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=120,
    )


class InFolder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="synfire-cli-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def run_well(self, *arguments, **how):
        done = call(*arguments, cwd=self.folder, **how)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout

    def refused(self, sentence, *arguments, **how):
        """Exit code 1 and one line that holds the sentence; nothing new in the folder."""
        before = sorted(self.folder.rglob("*"))
        done = call(*arguments, cwd=self.folder, **how)
        self.assertEqual(done.returncode, 1, done)
        self.assertRegex(done.stderr, sentence)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertTrue(done.stderr.startswith("synfire: "))
        self.assertEqual(sorted(self.folder.rglob("*")), before)

    def weights(self, net="spiking", *more):
        path = self.folder / f"{net}.safetensors"
        if not path.exists():
            self.run_well("train", "--net", net, *SMALL, "--epochs", 1, *more)
        return path


class Usage(InFolder):
    def test_help_is_everywhere(self):
        self.assertIn("tutorial", self.run_well("--help"))
        for command in ["tutorial", "train", "prune", "evaluate", "profile", "compare", "run", "energy", "bench", "info", "nets",
                        "data", "data list", "data fetch", "data check"]:
            self.assertIn("Usage:", self.run_well(*command.split(), "--help"))
        self.assertRegex(self.run_well("--version"), r"^synfire \d+\.\d+\.\d+\n$")

    def test_wrong_usage_ends_with_2(self):
        for arguments in [[], ["nothing"], ["run"], ["train", "--what"], ["train", "--dt", "fast"],
                          ["train", "--steps", "-1"], ["train", "--seed", "1.5"],
                          ["train", "--seed", "99999999999999999999"], ["data"]]:
            with self.subTest(arguments):
                done = call(*arguments, cwd=self.folder)
                self.assertEqual(done.returncode, 2, done)
                self.assertNotEqual(done.stderr, "")

    def test_output_that_cannot_be_written_is_a_failure(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([SYNFIRE, "nets"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot be written", done.stderr)


class Commands(InFolder):
    def test_nets_and_info(self):
        listed = self.run_well("nets")
        for net in NETS:
            self.assertIn(net, listed)
            self.run_well("info", "--net", net, "--json", "info.json")
            info = json.loads((self.folder / "info.json").read_text())
            self.assertEqual(info["parameters"], sum(l["parameters"] for l in info["layers"]))
            self.assertEqual(info["signature"],
                             "|".join(["synfire/1"] + [l["signature"] for l in info["layers"]]))
        text = self.run_well("info", "--net", "spiking", "--weights", self.weights())
        for part in ["784", "100480", "synfire/1|input(28,28)|flatten|dense(128)|spiking(relu)",
                     "data = silhouettes"]:
            self.assertIn(part, text)

    def test_every_net_trains_evaluates_and_runs(self):
        for net in NETS:
            with self.subTest(net):
                path = self.weights(net, "--json", "train.json")
                trained = json.loads((self.folder / "train.json").read_text())
                self.run_well("evaluate", "--weights", path, *SMALL, "--json", "evaluate.json")
                evaluated = json.loads((self.folder / "evaluate.json").read_text())
                # The net, dt and steps are those of the training, so the figures are too.
                for key in ["net", "signature", "data"]:
                    self.assertEqual(trained[key], evaluated[key])
                for key in ["correct", "samples", "activity"]:
                    self.assertEqual(trained["test"][key], evaluated["test"][key])
                text = self.run_well("run", "--weights", path, *SMALL, "--image", 3, "--repeats", 5,
                                     "--json", "run.json")
                run = json.loads((self.folder / "run.json").read_text())
                self.assertEqual(run["predicted"], max(range(10), key=lambda i: run["logits"][i]))
                self.assertAlmostEqual(sum(run["softmax"]), 1, 6)
                self.assertGreater(run["microseconds_p50"], 0)
                self.assertIn(run["class"], text)

    def test_runs_that_stop_early(self):
        path = self.weights()
        reports = {}
        for stop in [None, "exact", "0", "0.5"]:
            with self.subTest(stop):
                arguments = [] if stop is None else ["--stop", stop]
                text = self.run_well("evaluate", "--weights", path, *SMALL, *arguments, "--json",
                                     "stop.json")
                report = json.loads((self.folder / "stop.json").read_text())
                reports[stop] = report["test"]
                activity = report["test"]["activity"]
                self.assertEqual(report["run"]["stop"], stop or "never")
                self.assertEqual(activity["mean_steps"],
                                 activity["steps_used"] / report["test"]["samples"])
                steps = f"{activity['mean_steps']:.2f} of {activity['steps']} steps an image"
                self.assertEqual(steps in text, stop is not None)
                text = self.run_well("run", "--weights", path, *SMALL, "--image", 3, "--repeats", 2,
                                     *arguments, "--json", "stop.json")
                activity = json.loads((self.folder / "stop.json").read_text())["activity"]
                steps = f"{activity['steps_used']} of {activity['steps']} steps"
                self.assertEqual(steps in text, stop is not None)
        whole, exact = reports[None], reports["exact"]
        self.assertEqual(whole["activity"]["mean_steps"], whole["activity"]["steps"])
        self.assertEqual(exact["correct"], whole["correct"])
        self.assertLess(exact["activity"]["mean_steps"], whole["activity"]["mean_steps"])
        self.assertEqual(reports["0"]["activity"]["mean_steps"], 1)

    def test_nets_are_trained_as_suits_them(self):
        figures = self.folder / "figures.json"
        for arguments, spiking_aware in [([], True), (["--rate"], False),
                                         (["--spiking-aware"], True),
                                         (["--net", "nonspiking"], False)]:
            with self.subTest(arguments):
                self.run_well("train", *SMALL, "--epochs", 1, "--json", figures, *arguments)
                trained = json.loads(figures.read_text())["training"]
                self.assertIs(trained["spiking_aware"], spiking_aware)
    def test_settings_of_training(self):
        text = self.run_well(
            "train", *SMALL, "--epochs", 3, "--optimizer", "sgd:momentum=0.9,nesterov=true",
            "--learning-rate", "exponential:initial=0.1,decay_steps=20,decay_rate=0.5",
            "--dt-schedule", "piecewise_constant:boundaries=0/1,values=1/0.1/0.02", "--dt-by-epoch",
            "--loss", "mean_squared_error", "--metric", "accuracy", "top_2_accuracy",
            "--validation-split", 0.25, "--early-stopping", 5, "--restore-best",
            "--csv", "log.csv", "--best", "best.safetensors", "--json", "t.json")
        self.assertEqual(len(re.findall(r"val_accuracy \d\.\d{4}, val_loss ", text)), 3)
        header, *rows = (self.folder / "log.csv").read_text().splitlines()
        self.assertEqual(header, "epoch,accuracy,loss,top_2_accuracy,val_accuracy,val_loss,"
                                 "val_top_2_accuracy")
        figures = json.loads((self.folder / "t.json").read_text())
        for epoch, row in enumerate(rows):
            logs = figures["result"]["epochs"][epoch]["logs"]
            self.assertEqual([float(cell) for cell in row.split(",")],
                             [epoch, *(logs[name] for name in sorted(logs))])
        self.assertEqual(len(rows), 3)
        self.assertEqual(figures["training"]["optimizer"], "sgd:momentum=0.9,nesterov=true")
        self.assertAlmostEqual(figures["result"]["dt"], 0.02, 6)
        # Evaluated, and stored, with the dt that training ended with.
        self.assertAlmostEqual(figures["test"]["activity"]["dt"], 0.02, 6)
        shown = self.run_well("info", "--weights", "spiking.safetensors")
        for part in ["dt = 0.02", "optimizer = sgd:momentum=0.9,nesterov=true",
                     "loss = mean_squared_error", "validation_split = 0.25"]:
            self.assertIn(part, shown)
        best = min(range(3), key=lambda e: figures["result"]["epochs"][e]["logs"]["val_loss"])
        self.assertIn(f"epoch = {best + 1}\n", self.run_well("info", "--weights",
                                                              "best.safetensors"))

    def test_regularizers(self):
        train = ["train", *SMALL, "--epochs", 1]
        rates = ["--regularize", "spiking_3=l2:l2=0.0001,target=10/20",
                 "spiking_3=percentile:percentile=90,axis=0/1,l2=0.001,target=5"]
        self.run_well(*train, *rates, "--regularize-weights", "hidden.kernel=l1:l1=0.001",
                      "--json", "t.json")
        figures = json.loads((self.folder / "t.json").read_text())
        self.assertEqual(
            [(r["layer"], r.get("tensor")) for r in figures["training"]["regularizers"]],
            [("spiking_3", None), ("spiking_3", None), ("hidden", "kernel")])
        self.assertIn("regularizers = l1l2(l1=0,l2=0.0001,target=(10,20)) on spiking_3, ",
                      self.run_well("info", "--weights", "spiking.safetensors"))
        # What is added to the loss, is in the loss.
        plain = self.run_well(*train, "--json", "p.json")
        self.assertNotIn("nan", plain)
        loss = [json.loads((self.folder / name).read_text())["result"]["epochs"][0]["loss"]
                for name in ["t.json", "p.json"]]
        self.assertGreater(loss[0], loss[1] + 0.5)
        for fault, *arguments in [
                ("--regularize is 'spiking_3'", "--regularize", "spiking_3"),
                ("the label of a layer to regularize is spiking_9", "--regularize",
                 "spiking_9=l2"),
                ("must be one of l1, l2, l1l2, percentile", "--regularize", "spiking_3=l3"),
                ("a range whose first end is not above its second", "--regularize",
                 "spiking_3=l2:target=20/10"),
                ("one value, or the two ends of a range", "--regularize",
                 "spiking_3=l2:target=1/2/3"),
                ("from 0 to 100", "--regularize", "spiking_3=percentile:percentile=101"),
                ("axis of the regularizer", "--regularize", "spiking_3=percentile:axis="),
                ("a finite number from 0 on", "--regularize", "spiking_3=l1:l1=-1"),
                ("LAYER.TENSOR=REGULARIZER", "--regularize-weights", "hidden=l2"),
                ("the tensor of layer hidden", "--regularize-weights", "hidden.tau=l2")]:
            with self.subTest(arguments):
                self.refused(fault, *train, *arguments)

    def test_early_stopping_ends_and_stays_ended(self):
        how = ["train", *SMALL, "--epochs", 50, "--learning-rate", 0.05, "--validation-split", 0.5,
               "--early-stopping", 1]
        text = self.run_well(*how)
        ended = re.search(r"^spiking ended early, after epoch (\d+)$", text, re.M)
        self.assertLess(int(ended[1]), 50)
        weights = (self.folder / "spiking.safetensors").read_bytes()
        again = self.run_well(*how, "--resume", "spiking.safetensors.checkpoint")
        self.assertNotIn("spiking epoch", again)
        self.assertEqual((self.folder / "spiking.safetensors").read_bytes(), weights)
        self.refused("what callbacks decide is nothing: it must be early stopping", "train", *SMALL,
                     "--epochs", 50, "--learning-rate", 0.05, "--validation-split", 0.5,
                     "--resume", "spiking.safetensors.checkpoint")

    def test_thread_counts_give_the_same(self):
        results = []
        for threads in [1, 2, 5]:
            self.run_well("train", *SMALL, "--epochs", 2, "--threads", threads, "--json", "t.json")
            figures = json.loads((self.folder / "t.json").read_text())
            results.append(((self.folder / "spiking.safetensors").read_bytes(),
                            figures["test"]["activity"], figures["test"]["correct"]))
        self.assertEqual(results[0], results[1])
        self.assertEqual(results[0], results[2])

    def test_activity_adds_up(self):
        self.weights("deep", "--json", "t.json")
        activity = json.loads((self.folder / "t.json").read_text())["test"]["activity"]
        layers = {layer["label"]: layer for layer in activity["layers"]}
        spikes = layers["spiking_3"]["spikes"]
        self.assertGreater(spikes, 0)
        self.assertEqual(layers["hidden_2"]["synaptic_operations"], spikes * 256)
        seconds = activity["samples"] * activity["steps"] * activity["dt"]
        self.assertAlmostEqual(layers["spiking_3"]["mean_rate_hz"], spikes / 256 / seconds, 6)

    def test_pruning(self):
        dense = self.weights()
        for net, weights, power in [("spiking_csr", "csr", 0.0),
                                    ("spiking_blocked", r"blocked\(32\)", 0.5)]:
            with self.subTest(net):
                text = self.run_well("prune", "--net", net, "--weights", dense, *SMALL,
                                     "--sparsity", 0.9, "--rounds", 2, "--epochs", 1,
                                     "--power", power, "--output", "pruned.safetensors", "--json",
                                     "prune.json")
                done = json.loads((self.folder / "prune.json").read_text())
                self.assertRegex(text, r"accuracy before .*%, pruned .*%, fine-tuned .*%\n")
                self.assertRegex(text, r"hidden +100352 +100\d\d +(89.9\d|90.00)%")
                self.assertEqual([layer["label"] for layer in done["layers"]], ["hidden"])
                self.assertAlmostEqual(done["layers"][0]["sparsity"], 0.9, 3)
                self.assertEqual(done["power"], power)
                self.assertEqual([round(r["sparsity"], 4) for r in done["rounds"]], [0.7875, 0.9])
                # The file is the dense twin's, too: the same counts but for fewer synapses.
                self.run_well("evaluate", "--weights", "pruned.safetensors", *SMALL, "--json",
                              "sparse.json")
                self.run_well("evaluate", "--net", "spiking", "--weights", "pruned.safetensors",
                              *SMALL, "--json", "dense.json")
                sparse, twin = [json.loads((self.folder / name).read_text())
                                for name in ["sparse.json", "dense.json"]]
                self.assertEqual(sparse["net"], net)
                self.assertEqual(sparse["test"]["correct"], twin["test"]["correct"])
                self.assertEqual(sparse["test"]["correct"], done["test"]["correct"])
                self.assertEqual(sparse["test"]["activity"]["spikes"],
                                 twin["test"]["activity"]["spikes"])
                self.assertLess(sparse["test"]["activity"]["synaptic_operations"],
                                0.5 * twin["test"]["activity"]["synaptic_operations"])
                self.assertRegex(self.run_well("info", "--net", net), rf" {weights}\n")
        shown = self.run_well("info", "--weights", "pruned.safetensors")
        for part in ["net = spiking_blocked", "sparsity = 0.9",
                     "fine_tuning = 2 rounds of 1 epochs of adam"]:
            self.assertIn(part, shown)
        # No fine-tuning, one round: the same weights but for zeros.
        text = self.run_well("prune", "--net", "spiking_csr", "--weights", dense, *SMALL,
                             "--rounds", 1, "--epochs", 0, "--sparsity", 0.25)
        self.assertNotIn("fine-tuned", text)
        self.assertRegex(text, r"hidden +100352 +75264 +25.00%")

    def test_energy(self):
        path = self.weights("deep", "--json", "train.json")
        text = self.run_well("energy", "--weights", path, *SMALL, "--json", "energy.json")
        self.assertIn("Layer (type)", text)
        self.assertIn("Total energy per inference [Joules/inf] (spinnaker2): ", text)
        figures = json.loads((self.folder / "energy.json").read_text())
        trained = json.loads((self.folder / "train.json").read_text())
        # The same images, dt and steps as the test behind the training: the same counts.
        self.assertEqual(figures["activity"], trained["test"]["activity"])
        activity = {layer["label"]: layer for layer in figures["activity"]["layers"]}
        self.assertEqual([device["device"] for device in figures["devices"]],
                         ["cpu", "gpu", "arm", "loihi", "spinnaker", "spinnaker2"])
        for device in figures["devices"]:
            synop = device["joules_per_synaptic_operation"]
            update = device["joules_per_neuron_update"]
            estimate = twin = 0
            for layer, cost in zip(figures["layers"], device["layers"]):
                self.assertEqual(layer["label"], cost["label"])
                counts = activity.get(layer["label"], {})
                operations = counts.get("synaptic_operations", 0) / 640
                self.assertAlmostEqual(cost["counted"]["synaptic"] / synop, operations, 3)
                self.assertAlmostEqual(cost["counted"]["neuron"] / update,
                                       counts.get("neuron_updates", 0) / 640, 3)
                times = figures["run"]["steps"] if device["spiking"] else 1
                rate = layer["rate_hz"] * figures["run"]["dt"] if device["spiking"] else 1
                estimate += times * (layer["connections"] * rate * synop
                                     + layer["neurons"] * update)
                twin += layer["connections"] * synop + layer["neurons"] * update
            self.assertAlmostEqual(device["estimate"] / estimate, 1, 9)
            self.assertAlmostEqual(device["nonspiking"] / twin, 1, 9)
            counted = sum(sum(layer["counted"].values()) for layer in device["layers"])
            self.assertAlmostEqual(device["counted"] / counted, 1, 9)
            self.assertLess(device["counted_min"], device["counted"])
            self.assertLess(device["counted"], device["counted_max"])
            self.assertAlmostEqual(device["nonspiking_to_counted"], twin / counted, 6)

        two = self.run_well("energy", "--weights", path, *SMALL, "--device", "cpu", "LOIHI",
                            "--timesteps", 20, "--threads", 1, "--json", "two.json")
        self.assertNotIn("spinnaker", two)
        others = json.loads((self.folder / "two.json").read_text())
        cpu, loihi = others["devices"]
        self.assertEqual(cpu, figures["devices"][0])
        self.assertAlmostEqual(loihi["estimate"] / figures["devices"][3]["estimate"], 2, 9)
        self.assertEqual(loihi["counted"], figures["devices"][3]["counted"])
        warned = self.run_well("energy", "--weights", self.weights("nonspiking"), *SMALL)
        self.assertIn("non-spiking activations", warned)

    def test_energy_models(self):
        path = self.weights("spiking")
        own = self.folder / "own.toml"
        own.write_text("""
name = "own"
title = "My own"
source = "Me"
synaptic_operation = { value = 2, unit = "pJ", low = 1, high = 4 }
neuron_update = "10 pJ"
""")
        text = self.run_well("energy", "--weights", path, *SMALL, "--device", "cpu", "loihi",
                             "Horowitz", "--device-file", own, "--json", "energy.json")
        self.assertIn("Memory traffic is not covered by own", text)
        figures = json.loads((self.folder / "energy.json").read_text())
        self.assertIsNone(figures["measured"])
        self.assertEqual([d["device"] for d in figures["devices"]], ["cpu", "loihi"])
        self.assertEqual([m["model"] for m in figures["models"]], ["horowitz", "own"])
        activity = figures["activity"]
        horowitz, mine = figures["models"]
        self.assertEqual(mine["source"], "Me")
        self.assertTrue(any("analog inputs" in warning for warning in mine["warnings"]))
        for bound, synop in ("low", 1), ("nominal", 2), ("high", 4):
            operations = activity["synaptic_operations"] / activity["samples"]
            updates = activity["neuron_updates"] / activity["samples"]
            self.assertAlmostEqual(mine["synaptic"][bound] / (operations * synop * 1e-12), 1, 9)
            self.assertAlmostEqual(mine["neuron"][bound] / (updates * 10e-12), 1, 9)
            self.assertEqual(mine["memory"][bound], 0)
        self.assertGreater(horowitz["memory"]["nominal"], 0)
        self.assertLess(horowitz["total"]["low"], horowitz["total"]["high"])

        # Each factor of the way from the estimate to the counts is one that the text explains.
        for kind, device in zip(["non-spiking", "spiking"], figures["devices"]):
            for gap, layer in zip(figures["gaps"][kind], device["layers"]):
                for part, price in [("synaptic", "joules_per_synaptic_operation"),
                                    ("neuron", "joules_per_neuron_update")]:
                    place = gap[part]["estimate"]
                    self.assertAlmostEqual(place * device[price] * 1e12,
                                           layer["estimate"][part] * 1e12, 3)
                    for reason in gap[part]["reasons"]:
                        place *= reason["factor"]
                        self.assertIn(reason["reason"], text)
                    self.assertAlmostEqual(place, gap[part]["counted"], 2)
                    self.assertAlmostEqual(gap[part]["counted"] * device[price] * 1e12,
                                           layer["counted"][part] * 1e12, 3)
        self.assertIn("The inputs are analog", text)

        listed = self.run_well("energy", "--models")
        for name in ["cpu", "spinnaker2", "horowitz", "loihi2", "odin", "spinnaker2_pe",
                     "truenorth"]:
            self.assertRegex(listed, rf"(?m)^{name} ")
        self.assertIn("Merolla", listed)

        def faulty(text, sentence):
            own.write_text(text)
            self.refused(sentence, "energy", "--weights", path, *SMALL, "--device-file", own)
        head = 'name = "own"\ntitle = "My own"\nsource = "Me"\n'
        faulty(head + "synaptic_operation = 2\n",
               "own.toml: line 4: 'synaptic_operation' has no unit")
        faulty(head + 'synaptic_operation = "-2 pJ"\n',
               "own.toml: line 4: 'synaptic_operation' is negative")
        faulty(head + 'synaptic_operation = "2 pJ"\nsynops = 3\n',
               "own.toml: line 5: 'synops' is an unknown key")
        self.refused("there is no such file", "energy", "--weights", path, *SMALL,
                     "--device-file", self.folder / "none.toml")

    def test_measured_energy(self):
        path = self.weights("spiking")
        sysfs = self.folder / "sys"
        sysfs.mkdir()
        measure = ["energy", "--weights", path, "--data", "silhouettes", "--limit", 64,
                   "--device", "cpu", "--measure", "--sysfs", sysfs]
        self.refused(f"no energy counters: there is no {sysfs}/class/powercap/intel-rapl:.*, and "
                     f"there is no {sysfs}/bus/event_source/devices/power", *measure)
        zone = sysfs / "class/powercap/intel-rapl:0"
        zone.mkdir(parents=True)
        (zone / "name").write_text("package-0\n")
        (zone / "max_energy_range_uj").write_text("50000000\n")
        (zone / "energy_uj").write_text("1\n")
        self.refused("stand still", *measure)

        # A package of 20 W, at rest and at work: counters that move, and wrap around.
        ended = threading.Event()

        def draw():
            start = time.monotonic()
            while not ended.wait(0.005):
                count = int((time.monotonic() - start) * 20e6) % 50000000
                (zone / "energy_uj.new").write_text(f"{count}\n")
                (zone / "energy_uj.new").rename(zone / "energy_uj")
        drawing = threading.Thread(target=draw)
        drawing.start()
        try:
            text = self.run_well(*measure, "--measure-limit", 3, "--json", "measured.json")
        finally:
            ended.set()
            drawing.join()
        self.assertIn("Measured on this machine, one thread: ", text)
        measured = json.loads((self.folder / "measured.json").read_text())["measured"]
        self.assertEqual((measured["source"], measured["domains"]), ("powercap", ["package-0"]))
        self.assertFalse(measured["narrow"])  # nothing above rest
        self.assertIn("the time was up", text)
        self.assertGreaterEqual(measured["repetitions"], 2)
        self.assertGreater(measured["images"], 64)
        # The thread that draws them comes late on a busy machine.
        for watts in measured["rest_watts"], measured["work_watts"]:
            self.assertTrue(5 < watts < 60, measured)

    def test_data(self):
        listed = self.run_well("data", "list", environment={"SYNFIRE_DATA": str(self.folder)})
        self.assertRegex(listed, rf"\$SYNFIRE_DATA\s+{re.escape(str(self.folder))}\s+-")
        self.assertIn("silhouettes", listed)
        self.refused("not the published", "data", "check", "--data", "silhouettes")
        self.refused("fashion", "data", "fetch", "--url", "http://127.0.0.1:9/fashion/",
                     environment={"XDG_CACHE_HOME": str(self.folder)})


class Tutorial(InFolder):
    def test_quick(self):
        text = self.run_well("tutorial", "--quick", "--data", "silhouettes", "--json", "t.json")
        rows = ["non-spiking", "rate-trained, dt 0.001", "rate-trained, dt 0.01",
                "rate-trained, dt 0.1", "rate-trained, dt 1", "spiking-aware, dt 0.01",
                "L2 of steps, dt 0.01", "L2 of mean rates, dt 0.01", "lowpass, dt 0.001",
                "lowpass, dt 0.01"]
        for row in rows:
            self.assertIn(row, text)
        self.assertIn("silhouettes", text)
        self.assertNotIn("KerasSpiking's page", text)  # whose figures belong to other data
        figures = json.loads((self.folder / "t.json").read_text())
        self.assertEqual([row["row"] for row in figures["rows"]], rows)
        self.assertEqual(figures["data"]["train_images"], 2000)
        for row in figures["rows"]:
            test = row["test"]
            self.assertEqual(test["samples"], 400)
            self.assertTrue(0 <= test["accuracy"] <= 1)
            self.assertEqual(test["accuracy"], test["correct"] / test["samples"])
            self.assertNotIn("tutorial", row)
        again = self.run_well("tutorial", "--quick", "--data", "silhouettes", "--json", "u.json")
        others = json.loads((self.folder / "u.json").read_text())
        self.assertEqual([row["test"]["activity"] for row in figures["rows"]],
                         [row["test"]["activity"] for row in others["rows"]])
        self.assertEqual(len(again.splitlines()), len(text.splitlines()))

    def test_writes_a_page(self):
        text = self.run_well("tutorial", "--quick", "--data", "silhouettes", "--json", "t.json")
        self.assertIn("page in tutorial/report.html\n", text)
        page = (self.folder / "tutorial" / "report.html").read_text()
        for row in json.loads((self.folder / "t.json").read_text())["rows"]:
            self.assertRegex(page, rf"<h2>{re.escape(row['row'])}</h2>")
            self.assertIn(f"({100 * row['test']['accuracy']:.2f}%)", page)
        for part in ["silhouettes: 2000 training and 400 test images", "<dt>seed</dt><dd>0</dd>",
                     "2 epochs", "Accuracy against spikes", "<dt>date</dt>"]:
            self.assertIn(part, page)
        self.assertNotIn("published", page)  # whose figures belong to other data
        shutil.rmtree(self.folder / "tutorial")

        small = ["tutorial", "--quick", *SMALL]
        text = self.run_well(*small, "--report", "elsewhere.html")
        self.assertIn("page in elsewhere.html\n", text)
        self.assertTrue((self.folder / "elsewhere.html").exists())
        self.assertFalse((self.folder / "tutorial" / "report.html").exists())
        without = {"PATH": str(self.folder)}
        self.refused("gnuplot-nox", *small, environment=without)
        self.assertNotIn("page", self.run_well(*small, "--no-report", environment=without))
        self.refused("missing/page", *small, "--report", "missing/page")
        done = call(*small, "--no-report", "--report", "page", cwd=self.folder)
        self.assertEqual(done.returncode, 2)

    def test_on_fashion_mnist_the_page_stands_beside(self):
        if "there" not in self.run_well("data", "list").split("embedded")[0]:
            self.skipTest("Fashion-MNIST is not installed (package dataset-fashion-mnist)")
        text = self.run_well("tutorial", "--quick")
        for figure in ["88.53%", "19.74%", "65.61%", "88.29%", "88.56%", "84.28%", "15.6"]:
            self.assertIn(figure, text)


class Bench(InFolder):
    QUICK = ["bench", *SMALL, "--repeats", 1280]

    def report(self, *more, name="bench.json"):
        text = self.run_well(*self.QUICK, "--json", name, *more)
        return json.loads((self.folder / name).read_text()), text

    def test_figures_of_every_net(self):
        for net in NETS:
            with self.subTest(net):
                report, text = self.report("--net", net, "--seed", 3)
                for key in ["command", "net", "signature", "weights", "data", "provenance", "run",
                            "latency", "first_call", "throughput", "weights_read", "perf",
                            "activity"]:
                    self.assertIn(key, report)
                self.assertEqual((report["net"], report["weights"], report["run"]["seed"]),
                                 (net, None, 3))
                for key in ["version", "compiler", "processor", "target", "threads", "date"]:
                    self.assertTrue(report["provenance"][key])
                self.assertEqual(set(report["provenance"]["processor"]),
                                 {"name", "family", "model"})
                times = report["latency"]
                self.assertEqual((times["runs"], times["images"]), (1280, 640))
                self.assertLessEqual(0, times["clock_us"])
                self.assertLess(0, times["p50_us"])
                for less, more in [("clock_us", "p50_us"), ("p50_us", "p99_us"),
                                   ("p99_us", "p99_9_us"), ("p99_9_us", "worst_us")]:
                    self.assertLessEqual(times[less], times[more])
                self.assertLessEqual(times["p99_9_of_medians_us"], times["worst_us"])
                self.assertGreater(times["wait_p99_9_us"], 0)
                for rate in report["throughput"].values():
                    self.assertGreater(rate, 0)
                for time in report["first_call"].values():
                    self.assertGreater(time, 0)
                read = report["weights_read"]
                self.assertAlmostEqual(read["bytes"], report["activity"]["weight_bytes"] / 640, 6)
                self.assertAlmostEqual(read["image_to_reading"],
                                       times["p50_us"] / read["reading_p50_us"], 6)
                for cache in [read["l2"], read["l3"]]:
                    self.assertAlmostEqual(cache["attained"], read["gb_per_s"] / cache["gb_per_s"],
                                           6)
                for line in ["one image, p50, us", "images a second, one thread",
                             "weights read an image, bytes", "one image / merely reading"]:
                    self.assertIn(line, text)
                self.assertNotIn("now / before", text)

    def test_counts_are_those_of_evaluate(self):
        path = self.weights()
        report, _ = self.report("--weights", path)
        self.run_well("evaluate", "--weights", path, *SMALL, "--json", "evaluate.json")
        evaluated = json.loads((self.folder / "evaluate.json").read_text())
        for key in ["net", "signature", "weights", "data", "run"]:
            self.assertEqual(report[key], evaluated[key])
        self.assertEqual(report["activity"], evaluated["test"]["activity"])
        # Rows of 128 floats for the events of the image, of 16 for those of the means.
        rows = [layer["weight_bytes"] for layer in report["activity"]["layers"]]
        self.assertEqual([rows[0] % (128 * 4), rows[1], rows[2] % (16 * 4)], [0, 0, 0])

    def test_counters_are_read_or_missing_in_one_sentence(self):
        report, text = self.report("--perf")
        if report["perf"] is None:
            self.assertEqual(text.count("--perf: no hardware counter can be read here ("), 1)
        else:
            self.assertEqual(set(report["perf"]),
                             {"cycles", "instructions", "l1d_misses", "llc_misses"})
            self.assertIn("an image", text)

    def test_comparison(self):
        sound, _ = self.report(name="old.json")
        text = self.run_well(*self.QUICK, "--compare", "old.json", "--steps", 5)
        self.assertRegex(text, r"now +before +now / before")
        p50 = re.search(r"^one image, p50, us +([\d.]+) +([\d.]+) +[\d.]+$", text, re.M)
        self.assertEqual(p50[2], f"{sound['latency']['p50_us']:.2f}")
        self.assertIn("not the same: steps is \"5\", was \"10\"\n", text)
        self.assertEqual(text.count("not the same"), 1)

        def without(*keys):
            report = json.loads(json.dumps(sound))
            place = report
            for key in keys[:-1]:
                place = place[key]
            del place[keys[-1]]
            return report

        def doctored(value, *keys):
            report = without(*keys)
            place = report
            for key in keys[:-1]:
                place = place[key]
            place[keys[-1]] = value
            return report

        processor = ["provenance", "processor"]
        faults = [
            ("of another processor .its name is", doctored("Abacus\n9", *processor, "name")),
            ("of another processor .its family is", doctored("99", *processor, "family")),
            ("of another processor .its model is", doctored("99", *processor, "model")),
            ("of another processor .its target is", doctored("NONE", "provenance", "target")),
            ("processor/name is not there", doctored("", *processor, "name")),
            ("processor/name is not there", without("provenance", "processor")),
            ("/provenance/target is not there", doctored(3, "provenance", "target")),
            ("/latency/p50_us is not there", without("latency", "p50_us")),
            ("/latency/p99_us is not there", doctored("2", "latency", "p99_us")),
            ("/latency/worst_us is not there", doctored(-1, "latency", "worst_us")),
            ("/weights_read/l2/gb_per_s", doctored(None, "weights_read", "l2", "gb_per_s")),
            ("/weights_read/l3/gb_per_s", doctored([], "weights_read", "l3")),
            ("/perf/cycles is not there", doctored({"cycles": "many"}, "perf")),
            ("/run/dt is not there", doctored({}, "run", "dt")),
            ("command is not bench", doctored("evaluate", "command")),
            ("command is not bench", []), ("command is not bench", 3),
            ("not whole JSON", doctored(math.nan, "latency", "p50_us")),
        ]
        whole = json.dumps(sound)
        texts = [(fault, json.dumps(report)) for fault, report in faults]
        texts += [("not whole JSON", whole[:-2]), ("not whole JSON", ""), ("not whole JSON", "\0"),
                  ("not whole JSON", whole.replace("}", ', "x": 1e999}', 1)),
                  ("longer than 1 MB", whole + " " * (1 << 20)), ("not whole JSON", "[" * 100000)]
        for fault, text in texts:
            with self.subTest(fault):
                (self.folder / "faulty.json").write_text(text)
                self.refused("faulty.json.*" + fault, *self.QUICK, "--compare", "faulty.json")
        self.refused("missing.json: no such file", *self.QUICK, "--compare", "missing.json")
        self.refused("is not a file", *self.QUICK, "--compare", ".")

    def test_bad_input(self):
        self.refused("--repeats is 0", "bench", "--repeats", 0)
        self.refused("--repeats is 10000001", "bench", "--repeats", 10000001)
        self.refused("one of nonspiking", "bench", "--net", "none")
        self.refused("no such file", "bench", "--weights", "missing.safetensors")
        self.refused("no such file|file name", "bench", "--weights", "")
        self.refused("threads is 5000", "bench", *SMALL, "--threads", 5000)
        self.refused("steps is 0", "bench", "--steps", 0)
        self.refused("missing/b.json", "bench", "--json", "missing/b.json")


class BadInput(InFolder):
    def test_settings(self):
        for dt in ["0", "-1", "nan", "inf"]:
            self.refused("dt is", "train", "--dt", dt)
        self.refused("steps is 0", "train", "--steps", 0)
        self.refused("epochs is 0", "train", "--epochs", 0)
        self.refused("batch is 0", "train", "--batch", 0)
        self.refused("learning rate is", "train", "--learning-rate", "nan")
        for sentence, *arguments in [
                ("the learning rate is 'fast': it must be one of", "--learning-rate", "fast"),
                ("decay_steps of the learning rate is 0", "--learning-rate", "cosine:initial=1"),
                ("the optimizer is 'adagrad': it must be one of", "--optimizer", "adagrad"),
                ("momentum is 2: it must be", "--optimizer", "sgd:momentum=2"),
                ("a field of the optimizer is 'speed=1'", "--optimizer", "sgd:speed=1"),
                ("the loss is 'mse': it must be one of", "--loss", "mse"),
                ("the metric is 'auc': it must be", "--metric", "auc"),
                ("validation split is 1: it must be", "--validation-split", 1),
                ("initial of the dt schedule is 0", "--dt-schedule", "exponential:decay_steps=5"),
                ("--dt-by-epoch is given", "--dt-by-epoch"),
                ("--restore-best is given", "--restore-best"),
                ("--monitor is given", "--monitor", "loss"),
                ("missing/log", "--csv", "missing/log"), ("missing/best", "--best", "missing/best"),
        ]:
            self.refused(sentence, "train", *arguments)
        self.refused("--limit is 0", "train", "--limit", 0)
        self.refused("one of nonspiking, spiking, spiking_bfloat16", "train", "--net", "none")
        self.refused("epochs is 0", "tutorial", "--epochs", 0)
        path = self.weights()
        self.refused("the net to prune is 'spiking': it must be one with sparse layers", "prune",
                     "--weights", path)
        for sparsity in ["-0.1", "1", "nan"]:
            self.refused("sparsity is", "prune", "--net", "spiking_csr", "--weights", path,
                         f"--sparsity={sparsity}")
        for power in ["-0.1", "1.5", "nan"]:
            self.refused("the exponent of the power is", "prune", "--net", "spiking_csr",
                         "--weights", path, f"--power={power}")
        self.refused("--rounds is 0", "prune", "--net", "spiking_csr", "--weights", path,
                     "--rounds", 0)
        self.refused("missing/p", "prune", "--net", "spiking_csr", "--weights", path, "--output",
                     "missing/p")
        self.refused("dt is", "evaluate", "--weights", path, "--dt", "nan")
        self.refused("steps is 0", "run", "--weights", path, "--steps", 0)
        for stop in ["soon", "nan", "inf", "1e999", "", "1x"]:
            self.refused(f"--stop is '{stop}': it must be never, exact, or a margin",
                         "evaluate",
                         "--weights", path, "--stop", stop)
        self.refused("--stop is '-1'", "run", "--weights", path, "--stop=-1")
        self.refused("stop is exact: it must be never in a network", "run", "--weights",
                     self.weights("nonspiking"), "--stop", "exact")
        self.refused("--image is 2000", "run", "--weights", path, "--data", "silhouettes",
                     "--image", 2000)
        self.refused("one of cpu, gpu, arm, loihi, spinnaker, spinnaker2", "energy", "--weights",
                     path, "--device", "abacus")
        self.refused("--timesteps is 0", "energy", "--weights", path, "--timesteps", 0)
        self.refused("--repeats is 0", "run", "--weights", path, "--repeats", 0)

    def test_places_that_cannot_be_written(self):
        (self.folder / "file").write_text("a file")
        for arguments in [["--output", "file/weights"], ["--output", "."],
                          ["--output", "missing/weights"], ["--json", "missing/figures"],
                          ["--checkpoint", "missing/checkpoint"]]:
            with self.subTest(arguments):
                done = call("train", *SMALL, *arguments, cwd=self.folder)
                self.assertEqual(done.returncode, 1)
                self.assertEqual(done.stderr.count("\n"), 1)
                self.assertNotIn("epoch", done.stdout)  # said before the training
        self.assertEqual([path.name for path in self.folder.iterdir()], ["file"])
        self.refused("folder", "tutorial", "--output", "file/folder")

    def idx_folder(self, **replaced):
        """Ten sound 28x28 images a set; `replaced` holds other bytes for a file."""
        images = struct.pack(">4i", 0x803, 10, 28, 28) + bytes(i % 251 for i in range(7840))
        labels = struct.pack(">2i", 0x801, 10) + bytes(range(10))
        contents = {"train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": labels,
                    "t10k-images-idx3-ubyte": images, "t10k-labels-idx1-ubyte": labels}
        contents.update({key.replace("_", "-"): value for key, value in replaced.items()})
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        for name, value in contents.items():
            if value is not None:
                (folder / name).write_bytes(value)
        return folder, images, labels

    def test_data_files(self):
        folder, images, labels = self.idx_folder()
        self.run_well("train", "--data", folder, "--epochs", 1)
        faults = {
            "missing": (dict(train_images_idx3_ubyte=None), "neither"),
            "empty": (dict(train_images_idx3_ubyte=b""), "train-images"),
            "truncated": (dict(t10k_images_idx3_ubyte=images[:-1]), "t10k-images"),
            "truncated header": (dict(train_labels_idx1_ubyte=labels[:6]), "train-labels"),
            "too long": (dict(train_images_idx3_ubyte=images + b"x"), "train-images"),
            "magic": (dict(train_images_idx3_ubyte=b"\0\0\x0d\x03" + images[4:]), "train-images"),
            "4 billion": (dict(train_images_idx3_ubyte=images[:4] + b"\xff" * 4 + images[8:]),
                          "train-images"),
            "huge images": (dict(train_images_idx3_ubyte=images[:8] + b"\x7f\xff\xff\xff" * 2),
                            "train-images"),
            "label 200": (dict(train_labels_idx1_ubyte=labels[:-1] + b"\xc8"), "200"),
            "other number": (dict(t10k_labels_idx1_ubyte=struct.pack(">2i", 0x801, 9) + labels[8:17]),
                             "9 labels"),
            "no images": (dict(train_images_idx3_ubyte=struct.pack(">4i", 0x803, 0, 28, 28),
                               train_labels_idx1_ubyte=struct.pack(">2i", 0x801, 0)), "no values"),
        }
        for name, (replaced, sentence) in faults.items():
            with self.subTest(name):
                folder, *_ = self.idx_folder(**replaced)
                self.refused(sentence, "train", "--data", folder)
        folder, *_ = self.idx_folder(train_images_idx3_ubyte=None)
        (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(images)[:-9])
        self.refused("train-images", "train", "--data", folder)
        small = struct.pack(">4i", 0x803, 10, 5, 5) + bytes(250)
        folder, *_ = self.idx_folder(train_images_idx3_ubyte=small, t10k_images_idx3_ubyte=small)
        self.refused("25 values where 784", "train", "--data", folder)

    def test_weights(self):
        path = self.weights()
        sound = path.read_bytes()
        length = struct.unpack("<Q", sound[:8])[0]
        header = json.loads(sound[8 : 8 + length])
        tensors = sound[8 + length :]

        def packed(new_header, new_tensors=tensors):
            text = json.dumps(new_header).encode()
            return struct.pack("<Q", len(text)) + text + new_tensors

        first, second = [name for name in header if name != "__metadata__"][:2]

        def moved(name, begin, end):
            return packed({**header, name: {**header[name], "data_offsets": [begin, end]}})

        begin, end = header[first]["data_offsets"]
        nan = bytearray(tensors)
        nan[begin : begin + 4] = struct.pack("<f", math.nan)
        faults = {
            "empty": b"",
            "truncated header": sound[:100],
            "truncated tensors": sound[:-1],
            "header of 2^63 bytes": struct.pack("<Q", 1 << 63) + sound[8:],
            "not JSON": struct.pack("<Q", 9) + b"{nothing}" + tensors,
            "out of range": moved(second, 1 << 40, (1 << 40) + 4),
            "overlapping": moved(second, *header[first]["data_offsets"]),
            "trailing bytes": sound + b"x",
            "NaN": packed(header, bytes(nan)),
        }
        for name, contents in faults.items():
            with self.subTest(name):
                (self.folder / "faulty.safetensors").write_bytes(contents)
                self.refused("faulty.safetensors", "evaluate", "--weights", "faulty.safetensors",
                             *SMALL)
        self.refused("no such file", "run", "--weights", "missing.safetensors")
        self.refused("layer 2 is dense\\(128\\) there and dense\\(256\\) here", "evaluate",
                     "--weights", path, "--net", "deep")
        self.refused("not a checkpoint", "train", *SMALL, "--resume", path)


class Interruption(InFolder):
    """Seconds of training: enough to be interrupted in."""

    LONG = ["train", "--data", "silhouettes", "--epochs", 60, "--batch", 64, "--output"]

    def start(self, *arguments):
        return subprocess.Popen([SYNFIRE, *map(str, arguments)], cwd=self.folder,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def stop_after_first_epoch(self, name, number):
        program = self.start(*self.LONG, name)
        while "epoch 1/60:" not in (line := program.stdout.readline()):
            self.assertNotEqual(line, "", "the training ended at once")
        program.send_signal(number)
        out, err = program.communicate(timeout=60)
        return program.returncode, err

    def test_ctrl_c_keeps_a_checkpoint_that_goes_on_to_the_same_bits(self):
        code, err = self.stop_after_first_epoch("halted", signal.SIGINT)
        self.assertEqual(code, 1)
        self.assertRegex(err, r"^synfire: stopped after batch \d+ of 157 in epoch \d+ of 60; "
                              r"go on with --resume halted\.checkpoint\n$")
        self.assertFalse((self.folder / "halted").exists())
        self.run_well(*self.LONG, "halted", "--resume", "halted.checkpoint")
        self.run_well(*self.LONG, "whole")
        for name in ["{}", "{}.checkpoint"]:
            halted = (self.folder / name.format("halted")).read_bytes()
            whole = (self.folder / name.format("whole")).read_bytes()
            length = struct.unpack("<Q", whole[:8])[0]
            self.assertEqual(halted[-(len(whole) - 8 - length):], whole[8 + length:])

    def test_kill_leaves_a_whole_checkpoint(self):
        code, _ = self.stop_after_first_epoch("killed", signal.SIGKILL)
        self.assertEqual(code, -signal.SIGKILL)
        self.run_well(*self.LONG, "killed", "--resume", "killed.checkpoint")

    def test_a_signal_outside_trainings_does_as_the_program_was_started(self):
        pipe = self.folder / "weights"
        os.mkfifo(pipe)
        for handler, code in [(signal.SIG_IGN, 1), (signal.SIG_DFL, -signal.SIGINT)]:
            with self.subTest(handler):
                program = subprocess.Popen(
                    [SYNFIRE, "evaluate", "--weights", pipe], stderr=subprocess.DEVNULL,
                    preexec_fn=lambda: signal.signal(signal.SIGINT, handler))
                writer = os.open(pipe, os.O_WRONLY) if code == 1 else None  # it is about to read
                program.send_signal(signal.SIGINT)
                if writer is not None:
                    os.close(writer)
                self.assertEqual(program.wait(60), code)

    def test_a_checkpoint_of_other_settings_is_refused(self):
        self.weights()
        self.refused("seed is 1: it must be 0, as in the checkpoint", "train", *SMALL, "--seed", 1,
                     "--resume", "spiking.safetensors.checkpoint")

    def test_a_pruning_goes_on_behind_its_last_whole_round(self):
        long = ["prune", "--net", "spiking_csr", "--weights", self.weights(), "--data",
                "silhouettes", "--rounds", 3, "--epochs", 20, "--batch", 64, "--output"]
        for wanted, said in [("round 1/3 epoch 1/", "synfire prune from the start"),
                             ("round 2/3 epoch 1/", r"--resume cut\.checkpoint")]:
            program = self.start(*long, "cut")
            while wanted not in (line := program.stdout.readline()):
                self.assertNotEqual(line, "", "the pruning ended at once")
            program.send_signal(signal.SIGINT)
            _, err = program.communicate(timeout=60)
            self.assertEqual(program.returncode, 1)
            self.assertRegex(err, r"^synfire: stopped after batch [^\n]*; go on with " + said)
            self.assertFalse((self.folder / "cut").exists())
        self.refused("sparsity is 0.5: it must be 0.9, as in the checkpoint", *long, "cut",
                     "--sparsity", 0.5, "--resume", "cut.checkpoint")
        self.refused("is not a checkpoint of synfire prune", *long, "cut", "--resume",
                     self.weights())
        text = self.run_well(*long, "cut", "--resume", "cut.checkpoint")
        self.assertNotIn("round 1/3", text)
        self.run_well(*long, "whole")
        self.assertEqual((self.folder / "cut").read_bytes(), (self.folder / "whole").read_bytes())

    def test_tutorial_goes_on(self):
        program = self.start("tutorial", "--data", "silhouettes", "--epochs", 40)
        while "rate epoch 1/40:" not in (line := program.stdout.readline()):
            self.assertNotEqual(line, "", "the tutorial ended at once")
        program.send_signal(signal.SIGINT)
        _, err = program.communicate(timeout=60)
        self.assertEqual(program.returncode, 1)
        self.assertRegex(err, "go on with --resume\n$")
        text = self.run_well("tutorial", "--data", "silhouettes", "--epochs", 40, "--resume")
        self.assertNotIn("nonspiking epoch", text)  # was whole
        self.assertIn("rate epoch 40/40", text)


class Progress(InFolder):
    def test_one_plain_line_an_epoch_when_piped(self):
        text = self.run_well("train", *SMALL, "--epochs", 3)
        self.assertNotIn("\r", text)
        self.assertNotIn("\x1b", text)
        self.assertEqual(len(re.findall(r"^spiking epoch \d/3: loss [\d.]+, accuracy [\d.]+%", text,
                                        re.M)), 3)

    def test_a_bar_on_a_terminal(self):
        main, terminal = pty.openpty()
        program = subprocess.Popen([SYNFIRE, "train", "--data", "silhouettes", "--epochs", "20"],
                                   cwd=self.folder, stdout=terminal, stderr=terminal)
        os.close(terminal)
        shown = b""
        while True:
            try:
                part = os.read(main, 65536)
            except OSError:  # the program has closed its terminal
                break
            if not part:
                break
            shown += part
        os.close(main)
        self.assertEqual(program.wait(60), 0)
        self.assertRegex(shown.decode(), r"\r\x1b\[Kspiking epoch \d+/20 \[=* *\] batch \d+/313")


class Calibration(InFolder):
    def setUp(self):
        super().setUp()
        self.here = {"environment": {"XDG_CACHE_HOME": str(self.folder / "cache")}}
        self.path = self.folder / "cache" / "synfire" / "calibration.json"

    def used(self):
        self.run_well("run", "--weights", self.weights(), "--data", "silhouettes", "--json", "run.json",
                      **self.here)
        return json.loads((self.folder / "run.json").read_text())["run"]["dense_above"]

    def test_what_is_found_is_used_on_this_processor(self):
        usual = self.used()
        said = self.run_well("calibrate", "--json", "same.json", **self.here)
        found = json.loads(self.path.read_text())
        self.assertEqual(found, json.loads((self.folder / "same.json").read_text()))
        self.assertIn("float32", said)
        self.assertIn(found["dense_above"], found["layers"][0]["shares"])
        self.assertEqual(self.used(), found["dense_above"])
        found["dense_above"] = 0.625
        self.path.write_text(json.dumps(found))
        self.assertEqual(self.used(), 0.625)
        found["provenance"]["processor"]["name"] = "another"
        self.path.write_text(json.dumps(found))
        self.assertEqual(self.used(), usual)

    def test_a_bad_file_is_refused(self):
        self.run_well("calibrate", **self.here)
        found = json.loads(self.path.read_text())
        weights = self.weights()
        for text, sentence in [
            ("", "not what synfire calibrate writes"),
            ("{", "not what synfire calibrate writes"),
            ("[1]", "not what synfire calibrate writes"),
            (json.dumps({**found, "dense_above": "1"}), "not what synfire calibrate writes"),
            (json.dumps({**found, "dense_above": 2}), "no share from 0 to 1"),
            (" " * (1 << 20) + "{}", "longer than 1 MB"),
        ]:
            with self.subTest(text=text[:40]):
                self.path.write_text(text)
                self.refused(sentence, "run", "--weights", weights, "--data", "silhouettes",
                             **self.here)

    def test_no_folder_to_write_to(self):
        nowhere = {"environment": {"XDG_CACHE_HOME": "/proc/none"}}
        self.refused("cannot be made a folder", "calibrate", **nowhere)
        self.refused("neither XDG_CACHE_HOME nor HOME", "calibrate",
                     environment={"XDG_CACHE_HOME": "", "HOME": ""})


if __name__ == "__main__":
    unittest.main(verbosity=1)
