// A stream that arrives in chunks: neurons go on from the voltages that the chunk before left, and
// fire as if the whole stream had come at once.
#include <cmath>
#include <cstdlib>
#include <iostream>

#include <synfire/dsl.hpp>

using namespace synfire;

// clang-format off
struct Detector : Network<
    InputSequence<4>,
    Dense<16>,
    Spiking<Relu>,
    Dense<8>,
    Named<"out", Spiking<LeakyRelu<>>>> {};
// clang-format on

constexpr std::size_t kChunk = 25, kChunks = 8, kChannels = 4;

int main() {
  // Four tones, a sample of each at every step of 10 ms.
  Buffer<float> stream(kChunks * kChunk * kChannels);
  for (std::size_t i = 0; i < stream.size(); ++i)
    stream[i] = 30 * std::sin(0.01f * static_cast<float>((i / kChannels) * (1 + i % kChannels)));

  const auto parameters = Parameters<Detector>::initial(/*seed=*/3);
  EventEngine<Detector> whole(parameters, {.dt = 0.01f, .steps = kChunks * kChunk});
  EventEngine<Detector> live(parameters, {.dt = 0.01f, .steps = kChunk, .stateful = true});

  const auto wanted = whole.run(stream);
  std::size_t different = 0, at = 0;
  for (std::size_t chunk = 0; chunk < kChunks; ++chunk) {
    const std::size_t size = kChunk * kChannels;
    float spikes = 0;
    for (const float rate : live.run(Values(stream).subspan(chunk * size, size))) {
      different += rate != wanted[at++] ? 1 : 0;
      spikes += std::abs(rate) * 0.01f;
    }
    std::cout << "chunk " << chunk << ": " << spikes << " spikes, neuron 0 is left at "
              << live.state<"out">()[0] << '\n';
  }
  std::cout << different << " of " << at << " values differ from one long run\n" << live.activity();

  live.reset();  // the next stream starts anew
  const auto again = live.run(Values(stream).first(kChunk * kChannels));
  for (std::size_t i = 0; i < again.size(); ++i) different += again[i] != wanted[i] ? 1 : 0;
  return different == 0 && live.activity().spikes() > 100 ? EXIT_SUCCESS : EXIT_FAILURE;
}
