// Device files: what one says is what the model holds, and each fault is one sentence with its line
// and key.
#include <synfire/energy_model.hpp>

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "files.hpp"

using namespace synfire;
using namespace synfire::test;
using Catch::Contains;

namespace {

const std::string kHead = "name = 'chip'\ntitle = 'A chip'\nsource = 'Doe 2025'\n";  // 3 lines

EnergyModel parse(const std::string& text) {
  return parse_energy_model(text, "chip.toml");
}

/// The error of a file with that text; its sentence is one line.
DeviceFileError fault(const std::string& text) {
  try {
    parse(text);
  } catch (const DeviceFileError& error) {
    const std::string sentence = error.what();
    INFO(sentence);
    CHECK(sentence.find('\n') == std::string::npos);
    CHECK(sentence.starts_with("chip.toml: "));
    if (error.line != 0)
      CHECK_THAT(sentence, Contains("line " + std::to_string(error.line) + ": "));
    if (!error.key.empty() && error.key != "a\nb")
      CHECK_THAT(sentence, Contains("'" + error.key + "'"));
    return error;
  }
  FAIL("taken: " << text);
  throw std::logic_error("not reached");
}

void check_fault(const std::string& text, std::size_t line, const std::string& key,
                 const std::string& words) {
  INFO(text);
  const DeviceFileError error = fault(text);
  CHECK(error.line == line);
  CHECK(error.key == key);
  CHECK_THAT(error.what(), Contains(words));
}

}  // namespace

TEST_CASE("A device file's figures are the model's, in joules", "[device_file]") {
  const EnergyModel model = parse(R"(# A comment
name = "mychip"
title = "My chip"
source = "Doe et al. 2025, table 2"
technology = "28 nm"
spiking = true
graded_spikes = true
weights = "int8"
synaptic_operation = { value = 23.6, unit = "pJ", low = 20, high = 30 }
accumulate = "900fJ"
neuron_updates = "done"
neuron_update = "81 pJ"
weight_byte = {value = 2, unit = "nJ", high = 3}
state_byte = "0 uJ"
idle_power = "40 mW"
step_time = "1 ms"
covers = ["memory"]
notes = ["Simulated.", "Twice."]
[[operations]]
weights = "float32"
multiply_accumulate = "4.6 pJ"
[[memories]]
name = "small"
capacity = "8 KiB"
access = "10 pJ"
access_width = "8 B"
[[memories]]
name = "large"
access = "1e3 mJ"
)");
  CHECK(model.name == "mychip");
  CHECK(model.title == "My chip");
  CHECK(model.source == "Doe et al. 2025, table 2");
  CHECK(model.technology == "28 nm");
  CHECK(model.spiking);
  CHECK(model.analog_inputs);  // it has the price of a multiply-accumulate
  CHECK(model.graded_spikes);
  REQUIRE(model.operations.size() == 2);
  CHECK(model.operations[0].weights == "int8");
  CHECK(model.operations[0].synaptic_operation->low == Approx(20e-12));
  CHECK(model.operations[0].synaptic_operation->nominal == Approx(23.6e-12));
  CHECK(model.operations[0].synaptic_operation->high == Approx(30e-12));
  CHECK(model.operations[0].accumulate->high == Approx(0.9e-12));
  CHECK_FALSE(model.operations[0].multiply_accumulate.has_value());
  CHECK(model.operations[1].weights == "float32");
  CHECK(model.operations[1].multiply_accumulate->low == Approx(4.6e-12));
  CHECK(model.updates == EnergyModel::Updates::Done);
  CHECK(*model.neuron_update == Range::exactly(81 * 1e-12));
  CHECK(model.weight_byte->low == Approx(2e-9));
  CHECK(model.weight_byte->high == Approx(3e-9));
  CHECK(*model.state_byte == Range{});
  REQUIRE(model.memories.size() == 2);
  CHECK(model.memories[0].capacity == 8192u);
  CHECK(model.memories[0].byte.nominal == Approx(1.25e-12));
  CHECK_FALSE(model.memories[1].capacity.has_value());
  CHECK(model.memories[1].byte.nominal == Approx(1.0));
  CHECK(model.idle_power->nominal == Approx(0.04));
  CHECK(*model.step_time == Approx(1e-3));
  CHECK_FALSE(model.covers_neurons);
  CHECK(model.covers_memory);
  CHECK(model.notes == std::vector<std::string>{"Simulated.", "Twice."});

  const EnergyModel least = parse(kHead + "synaptic_operation = '1 J'\n");
  CHECK(least.spiking);
  CHECK_FALSE(least.analog_inputs);
  CHECK_FALSE(least.neuron_update.has_value());
  CHECK(parse(kHead + "spiking = false\naccumulate = '1 J'").analog_inputs);
  CHECK_FALSE(parse(kHead + "multiply_accumulate = '1 J'\nanalog_inputs = false").analog_inputs);
}

TEST_CASE("A fault in a device file is one sentence with line and key", "[device_file]") {
  const std::string ok = kHead + "synaptic_operation = '1 pJ'\n";  // 4 lines
  // Units.
  check_fault(kHead + "synaptic_operation = 23.6\n", 4, "synaptic_operation", "has no unit");
  check_fault(kHead + "synaptic_operation = 23\n", 4, "synaptic_operation", "has no unit");
  check_fault(kHead + "synaptic_operation = '23.6'\n", 4, "synaptic_operation", "has no unit");
  check_fault(kHead + "synaptic_operation = '23.6 '\n", 4, "synaptic_operation", "has no unit");
  check_fault(kHead + "\nsynaptic_operation = { value = 2 }\n", 5, "synaptic_operation",
              "has no unit");
  check_fault(kHead + "synaptic_operation = '23.6 pj'\n", 4, "synaptic_operation", "unit 'pj'");
  check_fault(kHead + "synaptic_operation = '23.6 mW'\n", 4, "synaptic_operation", "unit 'mW'");
  check_fault(kHead + "synaptic_operation = { value = 2, unit = 'kJ' }\n", 4,
              "synaptic_operation.unit", "'kJ'");
  check_fault(ok + "idle_power = '1 J'\n", 5, "idle_power", "unit 'J'");
  check_fault(ok + "step_time = '1 W'\n", 5, "step_time", "unit 'W'");
  // Values.
  check_fault(kHead + "synaptic_operation = '-1 pJ'\n", 4, "synaptic_operation", "is negative");
  check_fault(kHead + "synaptic_operation = '-0 pJ'\n", 4, "synaptic_operation", "is negative");
  check_fault(ok + "neuron_update = { value = -1, unit = 'pJ' }\n", 5, "neuron_update.value",
              "is negative");
  check_fault(ok + "neuron_update = { value = 1, low = -1, unit = 'pJ' }\n", 5, "neuron_update.low",
              "is negative");
  check_fault(ok + "neuron_update = { value = nan, unit = 'pJ' }\n", 5, "neuron_update.value",
              "finite");
  check_fault(ok + "neuron_update = { value = 1, high = inf, unit = 'pJ' }\n", 5,
              "neuron_update.high", "finite");
  check_fault(ok + "neuron_update = 'nan pJ'\n", 5, "neuron_update", "finite");
  check_fault(ok + "neuron_update = 'inf pJ'\n", 5, "neuron_update", "finite");
  check_fault(ok + "neuron_update = '1e999 pJ'\n", 5, "neuron_update", "1e999");
  check_fault(ok + "neuron_update = 'much pJ'\n", 5, "neuron_update", "a number and a unit");
  check_fault(ok + "neuron_update = { value = 2, low = 3, unit = 'pJ' }\n", 5, "neuron_update.low",
              "above the value");
  check_fault(ok + "neuron_update = { value = 2, high = 1, unit = 'pJ' }\n", 5,
              "neuron_update.high", "below the value");
  check_fault(ok + "neuron_update = { low = 1, high = 2, unit = 'pJ' }\n", 5, "neuron_update.value",
              "is missing");
  check_fault(ok + "neuron_update = { value = '1', unit = 'pJ' }\n", 5, "neuron_update.value",
              "must be a number");
  check_fault(ok + "neuron_update = true\n", 5, "neuron_update", "must be an energy");
  check_fault(ok + "neuron_update = 2025-01-01\n", 5, "neuron_update", "must be an energy");
  check_fault(ok + "step_time = '0 s'\n", 5, "step_time", "above 0");
  check_fault(ok + "step_time = 1\n", 5, "step_time", "in quotes");
  // Keys.
  check_fault(ok + "\n\nenergy = '1 pJ'\n", 7, "energy", "unknown key");
  check_fault(ok + "neuron_update = { value = 1, unit = 'pJ', hihg = 2 }\n", 5,
              "neuron_update.hihg", "unknown key");
  check_fault(ok + "[[memories]]\nname = 'm'\naccess = '1 pJ'\nsize = 3\n", 8, "memories[0].size",
              "unknown key");
  check_fault(ok + "[other]\nx = 1\n", 5, "other", "unknown key");
  check_fault(ok + "\"a\\nb\" = 1\n", 5, "a\nb", "unknown key");
  check_fault(ok + "name = 'again'\n", 5, "name", "second time");
  check_fault(ok + "synaptic_operation = '2 pJ'\n", 5, "synaptic_operation", "second time");
  // Types.
  check_fault("name = 3\n", 1, "name", "text in quotes");
  check_fault(ok + "spiking = 'yes'\n", 5, "spiking", "true or false");
  check_fault(ok + "notes = 'one'\n", 5, "notes", "list");
  check_fault(ok + "notes = [1]\n", 5, "notes", "text in quotes");
  check_fault(ok + "covers = ['all']\n", 5, "covers", "'all'");
  check_fault(ok + "neuron_updates = 'never'\n", 5, "neuron_updates", "clocked");
  check_fault(ok + "memories = 3\n", 5, "memories", "[[memories]]");
  check_fault(ok + "operations = [1]\n", 5, "operations", "[[operations]]");
  check_fault(ok + "technology = ' '\n", 5, "technology", "is empty");
  check_fault(ok + "technology = \"a\\u001b[31m\"\n", 5, "technology", "control characters");
  // What is wanted.
  check_fault("", 0, "name", "is missing");
  check_fault("# nothing\n", 0, "name", "is missing");
  check_fault("name = 'x'\ntitle = 'x'\n", 0, "source", "is missing");
  check_fault("name = 'x'\nsource = 'x'\n", 0, "title", "is missing");
  check_fault(kHead, 0, "synaptic_operation", "is missing");
  check_fault(kHead + "neuron_update = '1 pJ'\n", 0, "synaptic_operation", "is missing");
  // Rows and memories.
  check_fault(ok + "[[operations]]\nweights = 'int8'\n", 5, "operations[0].synaptic_operation",
              "is missing");
  check_fault(ok + "[[operations]]\naccumulate = '1 pJ'\n", 5, "operations[0].weights",
              "is missing");
  check_fault(ok + "weights = 'int8'\n[[operations]]\nweights = 'int8'\naccumulate = '1 pJ'\n", 7,
              "operations[0].weights", "second time");
  check_fault(ok + "[[memories]]\nname = 'm'\n", 5, "memories[0].access", "is missing");
  check_fault(ok + "[[memories]]\naccess = '1 pJ'\n", 5, "memories[0].name", "is missing");
  check_fault(ok + "[[memories]]\nname = 'm'\ncapacity = 12\naccess = '1 pJ'\n", 7,
              "memories[0].capacity", "in quotes");
  check_fault(ok + "[[memories]]\nname = 'm'\ncapacity = '1.5 B'\naccess = '1 pJ'\n", 7,
              "memories[0].capacity", "whole number");
  check_fault(ok + "[[memories]]\nname = 'm'\naccess = '1 pJ'\naccess_width = '0 B'\n", 8,
              "memories[0].access_width", "above 0");
  const std::string two = "[[memories]]\nname = 'm'\naccess = '1 pJ'\n";
  check_fault(ok + two + two, 9, "memories[1].capacity", "smallest to the largest");
  // No TOML.
  check_fault(ok + "neuron_update\n", 5, "", "is no TOML");
  check_fault(ok + "neuron_update = \n", 5, "", "is no TOML");
  check_fault(ok + "x = 'unfinished\n", 5, "", "is no TOML");
  CHECK_THAT(fault("{\"name\": \"json\"}").what(), Contains("is no TOML"));
  CHECK_THAT(fault(std::string("\x7f\x45LF\0\1\2", 7)).what(), Contains("is no TOML"));
  CHECK_THAT(fault("\xff\xfe\x00").what(), Contains("is no TOML"));
  CHECK_THAT(fault(std::string(2000, '[')).what(), Contains("is no TOML"));
  CHECK_THAT(fault("notes = " + std::string(100000, '[')).what(), Contains("is no TOML"));
  CHECK_THAT(fault(std::string((1 << 20) + 1, '#')).what(), Contains("1 MiB"));
}

TEST_CASE("A device file that is none is a FileError", "[device_file]") {
  const TemporaryFolder folder;
  put(folder / "chip.toml", kHead + "synaptic_operation = '1 pJ'\n");
  CHECK(read_energy_model(folder / "chip.toml").title == "A chip");
  CHECK_THROWS_WITH(read_energy_model(folder / "none.toml"), Contains("there is no such file"));
  CHECK_THROWS_WITH(read_energy_model(folder.path()), Contains("is a folder"));
  CHECK_THROWS_AS(read_energy_model(folder / "none.toml"), FileError);
  put(folder / "huge.toml", kHead + std::string(std::size_t{3} << 20, '#'));
  CHECK_THROWS_WITH(read_energy_model(folder / "huge.toml"), Contains("1 MiB"));
  CHECK_THROWS_WITH(read_energy_model("/dev/zero"), Contains("1 MiB"));
  put(folder / "bad.toml", kHead + "synaptic_operation = 1\n");
  try {
    read_energy_model(folder / "bad.toml");
    FAIL("taken");
  } catch (const DeviceFileError& error) {
    CHECK(error.path == folder / "bad.toml");
    CHECK(error.line == 4);
    CHECK(error.key == "synaptic_operation");
  }
}

TEST_CASE("The ready-made device files are sound, and say where their figures are from",
          "[device_file]") {
  std::set<std::string> names;
  for (const EnergyModel& model : energy_models()) {
    INFO(model.name);
    CHECK(names.insert(model.name).second);
    CHECK(find_energy_model(model.name).title == model.title);
    CHECK_FALSE(model.source.empty());
    CHECK_FALSE(model.operations.empty());
  }
  for (const char* name : {"cpu", "gpu", "arm", "loihi", "spinnaker", "spinnaker2", "horowitz",
                           "loihi2", "odin", "spinnaker2_pe", "truenorth"})
    CHECK(names.count(name) == 1);
  CHECK(find_energy_model("TrueNorth").name == "truenorth");
  CHECK_THROWS_WITH(find_energy_model("none"), Contains("'none'") && Contains("cpu, gpu"));
  CHECK_THROWS_AS(find_energy_model("none"), InvalidSetting);

  const EnergyModel table = find_energy_model("horowitz");
  CHECK(table.operations[0].multiply_accumulate->nominal == Approx(4.6e-12));
  CHECK(table.operations[0].accumulate->nominal == Approx(0.9e-12));
  REQUIRE(table.memories.size() == 4);
  CHECK(table.memories[2].byte.nominal == Approx(12.5e-12));
  CHECK(table.memories[3].byte.low == Approx(162.5e-12));
  CHECK(table.memories[3].byte.high == Approx(325e-12));
}
