// The ready-made nets: one function, one translation unit each.
#pragma once

#include <memory>

#include <synfire/model.hpp>

namespace synfire::nets {

std::unique_ptr<Model> nonspiking();
std::unique_ptr<Model> spiking();
std::unique_ptr<Model> spiking_bfloat16();
std::unique_ptr<Model> spiking_int8();
std::unique_ptr<Model> spiking_csr();
std::unique_ptr<Model> spiking_blocked();
std::unique_ptr<Model> deep();
std::unique_ptr<Model> wide();
std::unique_ptr<Model> wide_blocked();
std::unique_ptr<Model> lif();
std::unique_ptr<Model> lowpass();

}  // namespace synfire::nets
