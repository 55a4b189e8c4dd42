// The one include of a program that declares and runs networks.
#pragma once

#include <synfire/dsl/activations/relu.hpp>
#include <synfire/dsl/batch_engine.hpp>
#include <synfire/dsl/clocked_reference.hpp>
#include <synfire/dsl/constraints/lower_bound.hpp>
#include <synfire/dsl/constraints/mean.hpp>
#include <synfire/dsl/dense_trainer.hpp>
#include <synfire/dsl/event_engine.hpp>
#include <synfire/dsl/filters/alpha.hpp>
#include <synfire/dsl/filters/lowpass.hpp>
#include <synfire/dsl/layers/activate.hpp>
#include <synfire/dsl/layers/dense.hpp>
#include <synfire/dsl/layers/flatten.hpp>
#include <synfire/dsl/layers/input.hpp>
#include <synfire/dsl/layers/last_over_time.hpp>
#include <synfire/dsl/layers/mean_over_time.hpp>
#include <synfire/dsl/layers/spiking.hpp>
#include <synfire/dsl/network.hpp>
#include <synfire/dsl/neurons/lif.hpp>
#include <synfire/dsl/parameters.hpp>
#include <synfire/dsl/probe.hpp>
#include <synfire/dsl/surrogates/fast_sigmoid.hpp>
