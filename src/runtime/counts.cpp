#include <synfire/counts.hpp>
#include <utility>

namespace synfire {

SampleCounts::SampleCounts(std::vector<Layer> layers, std::size_t samples)
    : layers_(std::move(layers)) {
  for (const Layer& layer : layers_) {
    begin_.push_back(record_size_);
    record_size_ += layer.counted.size() + 1;
  }
  words_.resize(samples * record_size_);
}

SampleCounts::SampleCounts(std::size_t layers, const std::vector<StepCounts>& counts) {
  Layer any;
  for (const StepCounts::Field& field : StepCounts::fields) any.counted.push_back(field.count);
  *this = SampleCounts(std::vector<Layer>(layers, any), counts.size() / layers);
  auto word = words_.begin();
  for (const StepCounts& of : counts) {
    for (const StepCounts::Field& field : StepCounts::fields) *word++ = of.*field.count;
    ++word;  // the number of steps, of which nothing follows
  }
}

StepCounts SampleCounts::of(std::size_t sample, std::size_t layer) const {
  const Layer& its = layers_[layer];
  const std::uint64_t* word = words_.data() + sample * record_size_ + begin_[layer];
  StepCounts counts = its.each_step * word[its.counted.size()];
  counts += its.each_sample;
  for (const auto field : its.counted) counts.*field = *word++;
  return counts;
}

}  // namespace synfire
