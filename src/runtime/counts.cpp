#include <synfire/counts.hpp>

#include <string>

#include <synfire/error.hpp>

namespace synfire {

SampleCounts::SampleCounts(const std::vector<Layer>& layers, std::size_t samples) {
  for (const Layer& layer : layers) {
    Form form{record_size_, layer.counted, {}, layer.each_sample};
    for (const StepCounts::Field& field : StepCounts::fields)
      if (const std::uint64_t each = layer.each_step.*field.count; each != 0)
        form.each_step.emplace_back(field.count, each);
    layers_.push_back(std::move(form));
    record_size_ += layer.counted.size() + 1;
  }
  words_.resize(samples * record_size_);
}

SampleCounts::SampleCounts(std::size_t layers, const std::vector<StepCounts>& counts) {
  if (layers == 0 || counts.size() % layers != 0)
    throw InvalidSetting("the number of counts", std::to_string(counts.size()),
                         "a multiple of the number of layers, " + std::to_string(layers));
  Layer any;
  for (const StepCounts::Field& field : StepCounts::fields) any.counted.push_back(field.count);
  *this = SampleCounts(std::vector<Layer>(layers, any), counts.size() / layers);
  auto word = words_.begin();
  for (const StepCounts& of : counts) {
    for (const Count count : any.counted) *word++ = of.*count;
    ++word;  // the number of steps, of which nothing follows
  }
}

StepCounts SampleCounts::of(std::size_t sample, std::size_t layer) const {
  const Form& form = layers_[layer];
  const std::uint64_t* word = words_.data() + sample * record_size_ + form.begin;
  StepCounts counts = form.each_sample;
  for (const Count count : form.counted) counts.*count = *word++;
  for (const auto& [count, each] : form.each_step) counts.*count += each * *word;
  return counts;
}

}  // namespace synfire
