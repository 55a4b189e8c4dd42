// What Fashion-MNIST's authors publish (https://github.com/zalandoresearch/fashion-mnist).
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace synfire::io {

struct PublishedFile {
  std::string_view name;    // without .gz
  std::size_t rank;         // 3: images, 1: labels
  std::string_view sha256;  // of the unpacked file
};

/// Train images and labels, test images and labels.
inline constexpr std::array<PublishedFile, 4> kFashionMnistFiles{{
    {"train-images-idx3-ubyte", 3,
     "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"},
    {"train-labels-idx1-ubyte", 1,
     "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"},
    {"t10k-images-idx3-ubyte", 3,
     "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"},
    {"t10k-labels-idx1-ubyte", 1,
     "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"},
}};

}  // namespace synfire::io
