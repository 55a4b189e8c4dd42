"""synfire profile and synfire compare as a person uses them: figures, files, sweeps that go on."""

import csv
import json
import os
import re
import signal
import subprocess
import unittest

from cli_test import SMALL, SYNFIRE, InFolder, call

# Few draws of few images would do; what takes time is starting.
FEW = ["--data", "silhouettes", "--limit", "200"]


def without_time(text):
    figures = json.loads(text)
    figures.pop("time")
    return json.dumps(figures)


class Profiled(InFolder):
    def json(self, name):
        text = (self.folder / name).read_text()
        self.assertNotRegex(text, r"\b(NaN|nan|inf|Infinity)\b")
        return json.loads(text)

    def text(self, name):
        return (self.folder / name).read_text()


class Profile(Profiled):
    def test_figures_agree_with_evaluate_and_with_each_other(self):
        for net in ["spiking", "deep", "lif", "lowpass", "nonspiking", "spiking_blocked"]:
            with self.subTest(net):
                path = self.weights(net)
                text = self.run_well("profile", net, *SMALL, "--json", "p.json")
                self.run_well("evaluate", "--weights", path, *SMALL, "--json", "e.json")
                found, test = self.json("p.json"), self.json("e.json")["test"]
                self.assertEqual(found["correct"], test["correct"])
                self.assertEqual(found["images"], test["samples"])
                self.assertTrue(found["net"]["trained"])
                self.assertEqual(found["net"]["weights"], path.name)
                images = found["images"]
                figures = found["figures"]
                for layer in found["layers"]:
                    for name, total in layer["total"].items():
                        self.assertEqual(sum(step[name] for step in layer["total_by_step"]), total)
                        self.assertEqual(layer["an_image"][name], total / images)
                for name in ["spikes", "synaptic_events", "macs", "acs", "membrane_updates"]:
                    total = sum(layer["total"][name] for layer in found["layers"])
                    self.assertAlmostEqual(figures[name]["mean"], total / images, 6)
                spikes = sum(layer["total"]["spikes"] for layer in found["layers"])
                self.assertEqual(spikes, test["activity"]["spikes"])
                self.assertEqual(figures["steps"]["mean"], test["activity"]["mean_steps"])
                for mean in figures.values():
                    self.assertLessEqual(mean["low"], mean["mean"])
                    self.assertLessEqual(mean["mean"], mean["high"])
                self.assertAlmostEqual(figures["accuracy"]["mean"], test["accuracy"], 12)
                self.assertAlmostEqual(found["neurobench"]["accuracy"], test["accuracy"], 12)
                self.assertGreaterEqual(len(found["energy"]), 6)
                for energy in found["energy"]:
                    joules = energy["joules_an_image"]
                    self.assertLessEqual(joules["low"], joules["nominal"])
                    self.assertLessEqual(joules["nominal"], joules["high"])
                    self.assertAlmostEqual(energy["mean_over_images"]["mean"] / joules["nominal"],
                                           1, 9)
                    self.assertIn(energy["device"], text)
                    for sentence in energy["warnings"]:
                        self.assertIn(sentence, found["warnings"][-1] + text)
                self.assertNotIn("untrained", text)
                self.assertIn(f"({100 * figures['accuracy']['low']:.2f} to", text)

    def test_the_same_bytes_but_for_the_time(self):
        path = self.weights()
        files = []
        for threads, name in [(1, "a.json"), (3, "b.json"), (0, "other name.json")]:
            self.run_well("profile", path, *FEW, "--threads", threads, "--json", name)
            files.append(self.text(name))
        parts = [text[:text.index('\n  "time"')] for text in files]
        self.assertEqual(parts[0], parts[1])
        self.assertEqual(parts[0], parts[2])
        self.assertEqual([list(json.loads(text))[-1] for text in files], ["time"] * 3)
        time = [json.loads(text)["time"] for text in files]
        self.assertEqual([t["threads"] for t in time][:2], [1, 3])
        self.assertTrue(time[2]["command_as_given"].endswith("--threads 0 --json 'other name.json'"))
        again = json.loads(files[0])["provenance"]["command"]
        self.assertEqual(again, f"synfire profile {path} --data silhouettes --limit 200")
        self.run_well("profile", path, *FEW, "--seed", 1, "--json", "c.json")
        self.assertNotEqual(without_time(files[0]), without_time(self.text("c.json")))

    def test_every_count_of_every_image_layer_and_step(self):
        path = self.weights()
        rows = []
        for threads in [1, 4]:
            self.run_well("profile", path, *FEW, "--steps", 3, "--threads", threads, "--json",
                          "p.json", "--counts", "counts.csv")
            rows.append(self.text("counts.csv"))
        self.assertEqual(rows[0], rows[1])
        table = list(csv.DictReader(rows[0].splitlines()))
        found = self.json("p.json")
        labels = [layer["label"] for layer in found["layers"]]
        self.assertEqual([(int(r["image"]), r["layer"], int(r["step"])) for r in table],
                         [(i, l, t) for i in range(200) for l in labels for t in [1, 2, 3]])
        for layer in found["layers"]:
            for t, step in enumerate(layer["total_by_step"]):
                for name, total in step.items():
                    self.assertEqual(total, sum(int(r[name]) for r in table
                                                if r["layer"] == layer["label"]
                                                and r["step"] == str(t + 1)))

    def test_csv_latex_and_page(self):
        path = self.weights()
        self.run_well("profile", path, *FEW, "--csv", "t.csv", "--latex", "t.tex", "--page",
                      "p.html", "--json", "p.json")
        table = list(csv.DictReader(self.text("t.csv").splitlines()))
        layers = self.json("p.json")["layers"]
        self.assertEqual([row["layer"] for row in table], [layer["label"] for layer in layers])
        for row, layer in zip(table, layers):
            for name, total in layer["total"].items():
                self.assertEqual(int(row[name]), total)
        latex = self.text("t.tex")
        self.assertIn("\\begin{tabular}{lrrrrrrrrr}\n\\toprule\nlayer & spikes & silent \\% &", latex)
        self.assertIn("spiking\\_3 & ", latex)
        self.assertRegex(latex, r"% synfire profile .*spiking\.safetensors --data silhouettes")
        page = self.text("p.html")
        self.assertEqual(page.count("<svg"), 2)
        self.assertEqual(page.count("<desc"), 2)
        self.assertNotIn("<script", page)
        self.assertIn("spiking_3", page)

    def test_settings_do_what_they_say(self):
        path = self.weights()
        spikes = {}
        for setting in ["--dt 0.01", "--dt 0.02", "--steps 5", "--threshold 4", "--stop 0"]:
            self.run_well("profile", path, *FEW, *setting.split(), "--device", "loihi", "--json",
                          "p.json")
            found = self.json("p.json")
            spikes[setting] = found["figures"]["spikes"]["mean"]
            self.assertEqual([energy["device"] for energy in found["energy"]], ["loihi"])
        self.assertGreater(spikes["--dt 0.02"], 1.5 * spikes["--dt 0.01"])
        self.assertLess(spikes["--steps 5"], 0.7 * spikes["--dt 0.01"])
        self.assertLess(spikes["--threshold 4"], 0.5 * spikes["--dt 0.01"])
        self.assertLess(spikes["--stop 0"], 0.3 * spikes["--dt 0.01"])
        self.assertEqual(found["net"]["stop"], "0")
        self.assertEqual(found["figures"]["steps"], {"mean": 1.0, "low": 1.0, "high": 1.0})
        wide = []
        for confidence in [0.5, 0.99]:
            self.run_well("profile", path, *FEW, "--confidence", confidence, "--json", "p.json")
            accuracy = self.json("p.json")["figures"]["accuracy"]
            wide.append(accuracy["high"] - accuracy["low"])
        self.assertGreater(wide[1], 2 * wide[0])

    def test_untrained_weights_are_said_to_be(self):
        text = self.run_well("profile", "spiking", *FEW, "--json", "p.json")
        self.assertIn("* The weights of spiking are untrained", text)
        found = self.json("p.json")
        self.assertEqual((found["net"]["trained"], found["net"]["weights"]), (False, None))
        self.assertIn("The weights of spiking are untrained", found["warnings"][0])
        # Those in the current folder are taken where they are there.
        self.weights()
        self.assertIn("weights spiking.safetensors", self.run_well("profile", "spiking", *FEW))

    def test_bad_input_is_one_sentence(self):
        path = self.weights()
        (self.folder / "broken.toml").write_text('name = "x"\ntitle = "X"\nsource = "s"\n'
                                                 'synaptic_operation = "-1 pJ"\n')
        for sentence, *arguments in [
                ("a file of weights, or one of nonspiking, spiking", "nothing"),
                ("nowhere: .*no|nowhere", path, "--data", "nowhere"),
                ("there is no such file", "spiking", "--weights", "none.safetensors"),
                ("a ready-made net where its weights are given", path, "--weights", path),
                ("signature|is of another|layer", "deep", "--weights", path),
                ("dt is 0: it must be a finite number of seconds above 0", path, "--dt", "0"),
                ("dt is nan", path, "--dt", "nan"),
                ("steps is 0: it must be from 1", path, "--steps", 0),
                ("threshold", path, "--threshold", "0"),
                ("threshold", path, "--threshold", "nan"),
                ("no neuron of this net spikes", "nonspiking", "--threshold", "2"),
                ("--limit is 0", path, "--limit", 0),
                ("--stop is 'soon': it must be never, exact, or a margin", path, "--stop", "soon"),
                ("--confidence is 1: it must be from 0.5 to 0.999", path, "--confidence", 1),
                ("--confidence is nan", path, "--confidence", "nan"),
                ("abacus", path, "--device", "abacus"),
                (r"broken\.toml.*line 4.*synaptic_operation", path, "--device-file", "broken.toml"),
                ("none.toml", path, "--device-file", "none.toml"),
                ("cannot be written", path, "--json", "/proc/none/p.json"),
                ("cannot be written", path, "--counts", "/proc/none/c.csv"),
                ("is a folder", path, "--page", "."),
                ("--output is given: it must be left out where there is no --sweep", path,
                 "--output", "o"),
                ("--epochs is given", path, "--epochs", 3)]:
            with self.subTest(arguments):
                data = [] if "--data" in arguments or "--limit" in arguments else FEW
                self.refused(sentence, "profile", *arguments, *data)
        for arguments in [[], [path, "--steps", "-1"], [path, "--dt", "fast"], [path, "--sweep"]]:
            with self.subTest(arguments):
                self.assertEqual(call("profile", *arguments, cwd=self.folder).returncode, 2)


class Compare(Profiled):
    def test_nets_side_by_side(self):
        path = self.weights()
        specs = [str(path), f"{path}:dt=0.02", "spiking:threshold=4", str(path)]
        files = []
        for name in ["a.json", "b.json"]:
            text = self.run_well("compare", *specs, *SMALL, "--json", name, "--threads",
                                 len(files) + 1, "--csv", "t.csv", "--latex", "t.tex", "--page",
                                 "p.html")
            files.append(self.text(name))
        self.assertEqual(without_time(files[0]), without_time(files[1]))
        nets = self.json("a.json")["nets"]
        self.assertEqual([net["label"] for net in nets], specs[:3] + [f"{path} (2)"])
        self.assertIsNone(nets[0]["against_first"])
        for i in [1, 2]:
            against = nets[i]["against_first"]
            accuracy = against["accuracy"]
            self.assertEqual(nets[i]["correct"] - nets[0]["correct"],
                             accuracy["only_this_right"] - accuracy["only_first_right"])
            for name in ["spikes", "synaptic events", "J on loihi2"]:
                self.assertEqual(against[name]["p"], 1 / 10000)
                self.assertAlmostEqual(against[name]["p_adjusted"], 3 / 10000)
            spikes = against["spikes"]["difference"]
            self.assertAlmostEqual(
                spikes["mean"],
                nets[i]["figures"]["spikes"]["mean"] - nets[0]["figures"]["spikes"]["mean"], 6)
            self.assertEqual(spikes["low"] > 0, i == 1)
            self.assertEqual(spikes["high"] < 0, i == 2)
        for figure in nets[3]["against_first"].values():  # a net beside itself
            self.assertEqual(figure["difference"], {"mean": 0.0, "low": 0.0, "high": 0.0})
            self.assertEqual(figure["p"], 1)
        self.assertIn("p adjusted", text)
        rows = list(csv.DictReader(self.text("t.csv").splitlines()))
        self.assertEqual([row["net"] for row in rows], [net["label"] for net in nets])
        self.assertEqual(float(rows[1]["spikes"]), nets[1]["figures"]["spikes"]["mean"])
        self.assertIn("\\bottomrule", self.text("t.tex"))
        self.assertNotIn("<script", self.text("p.html"))
        self.assertIn("spiking:threshold=4", self.text("p.html"))

    def test_devices_side_by_side(self):
        path = self.weights()
        self.run_well("compare", f"{path}:device=loihi", f"{path}:device=spinnaker2", *FEW, "--json",
                      "c.json")
        nets = self.json("c.json")["nets"]
        self.assertEqual([[e["device"] for e in net["energy"]] for net in nets],
                         [["loihi"], ["spinnaker2"]])
        against = nets[1]["against_first"]
        self.assertEqual(against["spikes"]["p"], 1)
        self.assertGreater(against["J, each on its own device"]["difference"]["low"], 0)

    def test_bad_input_is_one_sentence(self):
        path = self.weights()
        for sentence, *specs in [
                ("at least 2 to compare", path),
                ("a file of weights, or one of", path, "nothing"),
                ("KEY=VALUE with weights, dt", path, f"{path}:speed=2"),
                ("KEY=VALUE with weights, dt", path, f"{path}:dt=1,"),
                ("dt of .* is 'fast'", path, f"{path}:dt=fast"),
                ("dt is 0", path, f"{path}:dt=0"),
                ("dt is nan", path, f"{path}:dt=nan"),
                ("given once", path, f"{path}:dt=1,dt=2"),
                ("steps of .* is '-1'", path, f"{path}:steps=-1"),
                ("steps is 0", path, f"{path}:steps=0"),
                ("never, exact, or a margin", path, f"{path}:stop=soon"),
                ("threshold", path, f"{path}:threshold=-1"),
                ("abacus", path, f"{path}:device=abacus")]:
            with self.subTest(specs):
                self.refused(sentence, "compare", *specs, *FEW)
        self.assertEqual(call("compare", cwd=self.folder).returncode, 2)


class Sweep(Profiled):
    GRID = ["--sweep", "dt=0.005..0.05/3", "threshold=1,2", "stop=never,1", "--device", "loihi"]

    def sweep(self, *more, net="spiking"):
        self.weights()
        return self.run_well("profile", net, *FEW, *self.GRID, *more)

    def journal(self, folder="sweep"):
        return (self.folder / folder / "journal.jsonl").read_text().splitlines(keepends=True)

    def test_points_are_profiles(self):
        text = self.sweep("--json", "s.json", "--csv", "s.csv", "--latex", "s.tex", "--page",
                          "p.html")
        self.assertIn("Best accuracy for at most so many spikes an image", text)
        points = self.json("s.json")["points"]
        self.assertEqual(len(points), 12)
        self.run_well("profile", "spiking", *FEW, "--dt", 0.05, "--threshold", 2, "--stop", 1,
                      "--device", "loihi", "--json", "p.json")
        one = self.json("p.json")
        self.assertEqual(points[-1]["point"], {"regularize": None, "dt": 0.05, "steps": 10,
                                               "threshold": 2.0, "stop": "1"})
        self.assertEqual(points[-1]["result"]["figures"], one["figures"])
        self.assertEqual(points[-1]["result"]["correct"], one["correct"])
        rows = list(csv.DictReader(self.text("s.csv").splitlines()))
        self.assertEqual([float(row["spikes"]) for row in rows],
                         [p["result"]["figures"]["spikes"]["mean"] for p in points])
        front = self.json("s.json")["fronts"]["spikes"]
        places = [(p["result"]["figures"]["spikes"]["mean"],
                   p["result"]["figures"]["accuracy"]["mean"]) for p in points]
        for i, (cost, gain) in enumerate(places):
            beaten = any(c <= cost and g >= gain and (c, g) != (cost, gain) for c, g in places)
            self.assertEqual(i not in front, beaten)
        page = self.text("p.html")
        self.assertEqual(page.count("<svg"), 5)
        self.assertNotIn("<script", page)

    def test_it_goes_on_and_gives_the_same(self):
        self.sweep("--output", "whole", "--json", "whole.json")
        lines = self.journal("whole")
        self.assertEqual(len(lines), 13)
        # As kill -9 and a torn last line leave it, at several places.
        for kept, torn in [(13, ""), (7, lines[7][:-1]), (1, "{"), (0, lines[0][:50]), (0, "")]:
            with self.subTest(kept=kept, torn=len(torn)):
                (self.folder / "torn").mkdir(exist_ok=True)
                (self.folder / "torn" / "journal.jsonl").write_text("".join(lines[:kept]) + torn)
                text = self.sweep("--output", "torn", "--json", "torn.json")
                self.assertEqual(without_time(self.text("torn.json")),
                                 without_time(self.text("whole.json")))
                self.assertEqual(len(re.findall(r"^\d+/12 ", text, re.M)), 13 - max(kept, 1))
                self.assertEqual(len(self.journal("torn")), 13)
        # More of the same: only what is new is run.
        text = self.run_well("profile", "spiking", *FEW, "--sweep", "dt=0.005..0.05/3",
                             "threshold=1,2,3", "stop=never,1", "--device", "loihi", "--output",
                             "whole")
        self.assertEqual(len(re.findall(r"^\d+/18 ", text, re.M)), 6)
        self.assertIn("12 of 18 points were in the journal", text)

    def start(self):
        self.weights()
        program = subprocess.Popen(
            [SYNFIRE, "profile", "spiking", "--data", "silhouettes", "--sweep", "dt=1e-3..1/30",
             "threshold=1..8/30", "--device", "loihi", "--json", "s.json"],
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while not (line := program.stdout.readline()).startswith("2/900 "):
            self.assertNotEqual(line, "", program.stderr)
        return program

    def test_ctrl_c_says_how_to_go_on(self):
        for number in [signal.SIGINT, signal.SIGTERM]:
            with self.subTest(number):
                program = self.start()
                program.send_signal(number)
                out, err = program.communicate(timeout=60)
                self.assertEqual(program.returncode, 1)
                self.assertRegex(err, r"^synfire: stopped after point \d+ of 900; go on with the "
                                      r"same command\n$")
                done = int(re.search(r"after point (\d+)", err)[1])
                self.assertEqual(len(self.journal()), done + 1)
                (self.folder / "sweep" / "journal.jsonl").unlink()
                self.assertFalse((self.folder / "s.json").exists())

    def test_kill_loses_no_point_that_was_said(self):
        program = self.start()
        program.kill()
        program.communicate(timeout=60)
        lines = self.journal()
        self.assertGreaterEqual(len(lines), 3)
        for line in lines:
            json.loads(line)

    def test_one_sweep_a_folder(self):
        program = self.start()
        done = call("profile", "spiking", *FEW, *self.GRID, cwd=self.folder)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^synfire: sweep/journal.jsonl: is being written by another "
                                      r"run\n$")
        program.kill()
        program.communicate(timeout=60)

    def test_a_journal_of_something_else_is_refused(self):
        self.sweep()
        before = self.journal()
        for sentence, *arguments in [
                ("with test images 200 where this one has 100", "spiking", "--data", "silhouettes",
                 "--limit", 100, *self.GRID),
                ("with seed 0 where this one has 1", "spiking", *FEW, *self.GRID, "--seed", 1),
                ("with net spiking where this one has deep", "deep", *FEW, *self.GRID),
                ("with devices", "spiking", *FEW, *self.GRID[:-1], "cpu"),
                ("with weights .* where this one has trained for each point", "spiking", *FEW,
                 "--sweep", "regularize=0")]:
            with self.subTest(sentence):
                self.refused(sentence, "profile", *arguments)
                self.assertEqual(self.journal(), before)
        self.run_well("train", *SMALL, "--epochs", 2)
        self.refused("with weights", "profile", "spiking", *FEW, *self.GRID)
        path = self.folder / "sweep" / "journal.jsonl"
        for text, sentence in [("[]\n", "is no journal of a sweep"), ("nothing\n", "line 1 is not JSON"),
                               (before[0] + "{}\n", "with weights|line 2 is no point"),
                               ('{"journal": "another"}\n', "is no journal of a sweep")]:
            path.write_text(text)
            self.refused(sentence, "profile", "spiking", *FEW, *self.GRID)
        path.unlink()
        path.mkdir()
        self.refused("is a folder where a journal is to be written", "profile", "spiking", *FEW,
                     *self.GRID)
        self.refused("no such folder can be made", "profile", "spiking", *FEW, *self.GRID,
                     "--output", "/proc/none/sweep")
        self.refused("no such folder can be made", "profile", "spiking", *FEW, *self.GRID,
                     "--output", "spiking.safetensors")

    def test_bad_grids_are_one_sentence(self):
        self.weights()
        for sentence, *arguments in [
                ("--sweep is 'dt': it must be SETTING=VALUES", "--sweep", "dt"),
                ("--sweep dt is '': it must be finite numbers", "--sweep", "dt="),
                ("--sweep dt is '0'", "--sweep", "dt=0"),
                ("--sweep dt is 'nan'", "--sweep", "dt=nan"),
                ("--sweep dt is '1..0.1'", "--sweep", "dt=1..0.1"),
                ("--sweep steps is '0'", "--sweep", "steps=0"),
                ("a grid of 914000 points", "--sweep", "dt=1..2/1000", "threshold=1..8/1000"),
                ("--dt is given", "--sweep", "dt=1", "--dt", 1),
                ("--stop is given", "--sweep", "stop=1", "--stop", "never"),
                ("--weights is given", "--sweep", "regularize=1", "--weights",
                 "spiking.safetensors"),
                ("--counts is given", "--sweep", "dt=1", "--counts", "c.csv"),
                ("--epochs is given", "--sweep", "dt=1", "--epochs", 1),
                ("epochs is 0", "--sweep", "regularize=1", "--epochs", 0)]:
            with self.subTest(arguments):
                self.refused(sentence, "profile", "spiking", *FEW, *arguments)
        self.refused("left out where no neuron spikes", "profile", "nonspiking", *FEW, "--sweep",
                     "regularize=1")
        self.refused("no neuron of this net spikes", "profile", "nonspiking", *FEW, "--sweep",
                     "threshold=1,2")

    def test_regularized_nets_are_trained_once(self):
        how = ["profile", "spiking", *SMALL, "--sweep", "regularize=0,1", "dt=0.01,0.1",
               "threshold=1,2", "--epochs", 1, "--device", "loihi"]
        text = self.run_well(*how, "--json", "a.json")
        self.assertEqual(text.count(" epoch 1/1: "), 4)
        points = self.json("a.json")["points"]
        self.assertEqual(len(points), 8)
        weights = [p["result"]["weights_sha256"] for p in points]
        self.assertEqual([weights.count(w) for w in weights], [2] * 8)
        spikes = [p["result"]["figures"]["spikes"]["mean"] for p in points]
        self.assertLess(spikes[4], 0.8 * spikes[0])  # what the penalty is for
        # Without its journal the sweep finds the weights, with it nothing is left to do.
        (self.folder / "sweep" / "journal.jsonl").unlink()
        self.assertNotIn(" epoch ", self.run_well(*how, "--json", "b.json"))
        text = self.run_well(*how, "--output", "elsewhere", "--json", "c.json")
        self.assertEqual(text.count(" epoch 1/1: "), 4)
        for name in ["b.json", "c.json"]:
            self.assertEqual(without_time(self.text("a.json")), without_time(self.text(name)))
        # The same name, other settings: trained anew.
        text = self.run_well(*how[:-4], "--epochs", 2, "--device", "loihi", "--output", "elsewhere2")
        self.assertEqual(text.count(" epoch 2/2: "), 4)


if __name__ == "__main__":
    unittest.main(verbosity=1)
