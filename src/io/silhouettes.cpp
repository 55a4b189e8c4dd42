// Ten garments as filled polygons. Every number comes from + - * / and floor, which IEEE 754 rounds
// the same everywhere, and from the counter-based generator: the bytes are equal on every machine.
#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>

#include "idx.hpp"
#include "synfire/dataset.hpp"
#include "synfire/random.hpp"

namespace synfire {
namespace {

constexpr std::size_t kSide = 28;
constexpr std::size_t kPixels = kSide * kSide;
constexpr std::uint64_t kSeed = 28;

/// Pixels from the centre of the image; y grows downwards.
struct Point {
  float x, y;
};

/// Chance of one image, drawn in a fixed order: several draws for one call stand in braces, whose
/// order the language fixes, never as bare arguments.
class Chance {
 public:
  explicit Chance(const RandomAddress& address) {
    uniform(address, values_.data(), values_.size());
  }

  float between(float low, float high) { return low + (high - low) * values_.at(next_++); }
  bool happens(float probability) { return values_.at(next_++) < probability; }

 private:
  std::array<float, 64> values_;
  std::size_t next_ = 0;
};

/// Paints polygons through a pose. A level is a shade relative to the garment's; 0 cuts away.
class Canvas {
 public:
  explicit Canvas(Chance& chance)
      : scale_x_(chance.between(1.0f, 1.16f)),
        scale_y_(chance.between(0.94f, 1.1f)),
        shear_(chance.between(-0.09f, 0.09f)),
        shift_x_(kSide / 2.0f + chance.between(-1.4f, 1.4f)),
        shift_y_(kSide / 2.0f + chance.between(-1.2f, 1.2f)) {}

  const std::array<float, kPixels>& values() const { return values_; }

  /// Even-odd fill: two scan lines a pixel row, exact cover along each.
  void fill(std::span<const Point> outline, float level) {
    std::array<Point, kMostPoints> points;
    const std::size_t n = outline.size();
    float top = kSide, bottom = 0.0f;
    for (std::size_t i = 0; i < n; ++i) {
      points.at(i) = {outline[i].x * scale_x_ + outline[i].y * shear_ + shift_x_,
                      outline[i].y * scale_y_ + shift_y_};
      top = std::min(top, points[i].y);
      bottom = std::max(bottom, points[i].y);
    }
    const auto first = static_cast<std::size_t>(std::max(0.0f, std::floor(top)));
    const auto last = static_cast<std::size_t>(std::min(kSide - 1.0f, std::floor(bottom)));
    for (std::size_t row = first; row <= last && row < kSide; ++row) {
      std::array<float, kSide> cover{};
      for (const float within : {0.25f, 0.75f}) {
        cover_line(std::span(points).first(n), static_cast<float>(row) + within, cover);
      }
      for (std::size_t x = 0; x < kSide; ++x) {
        float& value = values_[row * kSide + x];
        value += (level - value) * cover[x];
      }
    }
  }
  void fill(std::initializer_list<Point> outline, float level) {
    fill(std::span(outline.begin(), outline.size()), level);
  }

  /// The outline and its mirror image, apart.
  void fill_pair(std::initializer_list<Point> right, float level) {
    std::array<Point, kMostPoints> left;
    std::transform(right.begin(), right.end(), left.begin(), mirrored);
    fill(right, level);
    fill(std::span(left).first(right.size()), level);
  }

  /// One symmetric outline, from its right half, top to bottom.
  void fill_symmetric(std::initializer_list<Point> right, float level) {
    std::array<Point, kMostPoints> both;
    std::copy(right.begin(), right.end(), both.begin());
    std::transform(std::rbegin(right), std::rend(right), both.begin() + right.size(), mirrored);
    fill(std::span(both).first(2 * right.size()), level);
  }

 private:
  static constexpr std::size_t kMostPoints = 16;

  static Point mirrored(Point p) { return {-p.x, p.y}; }

  static void cover_line(std::span<const Point> points, float y, std::array<float, kSide>& cover) {
    std::array<float, kMostPoints> crossings;
    std::size_t count = 0;
    for (std::size_t i = 0; i < points.size(); ++i) {
      const Point a = points[i], b = points[i + 1 == points.size() ? 0 : i + 1];
      if ((a.y <= y) != (b.y <= y)) {
        crossings[count++] = a.x + (b.x - a.x) * ((y - a.y) / (b.y - a.y));
      }
    }
    std::sort(crossings.begin(), crossings.begin() + static_cast<std::ptrdiff_t>(count));
    for (std::size_t i = 0; i + 1 < count; i += 2) {
      const float from = std::max(0.0f, crossings[i]);
      const float to = std::min(static_cast<float>(kSide), crossings[i + 1]);
      for (auto x = static_cast<std::size_t>(from); static_cast<float>(x) < to; ++x) {
        const float pixel = static_cast<float>(x);
        cover[x] += 0.5f * (std::min(to, pixel + 1.0f) - std::max(from, pixel));
      }
    }
  }

  float scale_x_, scale_y_, shear_, shift_x_, shift_y_;
  std::array<float, kPixels> values_{};
};

/// The parts that tops share.
struct Top {
  float shoulder, waist, hem;  // half widths
  float top, bottom;
};

void draw_body(Canvas& canvas, const Top& it, float level) {
  const float middle = 0.5f * (it.top + it.bottom);
  canvas.fill_symmetric(
      {{2.0f, it.top - 1.0f}, {it.shoulder, it.top}, {it.waist, middle}, {it.hem, it.bottom}},
      level);
}

/// A sleeve hangs from the shoulder to its cuff, `drop` below and `reach` outside of it.
struct Sleeves {
  float drop, reach, width, level;
};

void draw_sleeves(Canvas& canvas, const Top& it, const Sleeves& sleeve) {
  const float x = it.shoulder, y = it.top, cuff = x + sleeve.reach;
  canvas.fill_pair({{x - 1.5f, y},
                    {x + 0.8f, y + 0.6f},
                    {cuff, y + sleeve.drop},
                    {cuff - sleeve.width, y + sleeve.drop + 0.8f},
                    {x - 1.0f, y + std::min(sleeve.drop, sleeve.width + 3.0f)}},
                   sleeve.level);
}

struct Neck {
  float width, depth, level;
};

void draw_neck(Canvas& canvas, const Top& it, const Neck& neck) {
  canvas.fill_symmetric(
      {{neck.width, it.top - 1.5f}, {0.6f * neck.width, it.top - 1.0f + neck.depth}}, neck.level);
}

struct FrontLine {
  float width, level;
};

void draw_front_line(Canvas& canvas, const Top& it, const FrontLine& line) {
  canvas.fill_symmetric({{0.5f * line.width, it.top + 1.0f}, {0.5f * line.width, it.bottom}},
                        line.level);
}

void draw_t_shirt(Canvas& canvas, Chance& chance) {
  const Top it{chance.between(6.4f, 8.4f), chance.between(5.8f, 7.8f), chance.between(5.8f, 8.0f),
               chance.between(-11.0f, -9.0f), chance.between(8.5f, 12.5f)};
  draw_sleeves(canvas, it,
               {chance.between(4.0f, 9.5f), chance.between(2.0f, 5.0f), chance.between(2.6f, 4.2f),
                chance.between(0.85f, 1.0f)});
  draw_body(canvas, it, 1.0f);
  draw_neck(canvas, it, {chance.between(1.8f, 3.6f), chance.between(0.8f, 2.8f), 0.0f});
}

void draw_trouser(Canvas& canvas, Chance& chance) {
  const float waist = chance.between(3.2f, 5.4f), top = chance.between(-13.0f, -11.5f);
  const float crotch = chance.between(-6.0f, 0.0f), bottom = chance.between(9.5f, 13.0f);
  const float inner = chance.between(0.4f, 2.2f), width = chance.between(2.2f, 3.8f);
  canvas.fill_pair({{0.0f, top},
                    {waist, top},
                    {waist + 0.6f, crotch},
                    {inner + width, bottom},
                    {inner, bottom},
                    {0.0f, crotch}},
                   1.0f);
  const float belt = chance.between(0.5f, 1.1f);
  canvas.fill_symmetric({{waist, top}, {waist, top + 1.2f}}, belt);
}

void draw_pullover(Canvas& canvas, Chance& chance) {
  const Top it{chance.between(6.2f, 8.2f), chance.between(5.8f, 7.8f), chance.between(5.8f, 7.8f),
               chance.between(-11.0f, -9.0f), chance.between(8.5f, 12.5f)};
  draw_sleeves(canvas, it,
               {chance.between(13.0f, 20.0f), chance.between(1.8f, 4.6f),
                chance.between(2.4f, 3.8f), chance.between(0.8f, 1.0f)});
  draw_body(canvas, it, 1.0f);
  draw_neck(canvas, it,
            {chance.between(1.5f, 3.0f), chance.between(0.2f, 1.5f), chance.between(0.0f, 0.8f)});
  const float rib = chance.between(0.7f, 1.0f);
  canvas.fill_symmetric({{it.hem, it.bottom - 1.3f}, {it.hem, it.bottom}}, rib);
}

void draw_dress(Canvas& canvas, Chance& chance) {
  const Top it{chance.between(3.0f, 5.2f), chance.between(2.4f, 4.4f), chance.between(3.4f, 8.0f),
               chance.between(-12.5f, -10.5f), chance.between(10.5f, 13.5f)};
  const bool sleeved = chance.happens(0.45f), is_long = chance.happens(0.35f);
  const float drop = is_long ? chance.between(10.0f, 17.0f) : chance.between(2.5f, 6.0f);
  const float reach = chance.between(1.5f, 3.5f), width = chance.between(1.6f, 2.6f);
  if (sleeved) draw_sleeves(canvas, it, {drop, reach, width, 0.95f});
  draw_body(canvas, it, 1.0f);
  draw_neck(canvas, it, {chance.between(1.4f, 2.6f), chance.between(0.8f, 3.5f), 0.0f});
}

void draw_coat(Canvas& canvas, Chance& chance) {
  const Top it{chance.between(6.2f, 8.2f), chance.between(5.8f, 7.8f), chance.between(6.2f, 8.6f),
               chance.between(-11.5f, -9.5f), chance.between(9.5f, 13.5f)};
  draw_sleeves(canvas, it,
               {chance.between(13.5f, 20.5f), chance.between(1.8f, 4.6f),
                chance.between(2.4f, 3.8f), chance.between(0.8f, 1.0f)});
  draw_body(canvas, it, 1.0f);
  draw_neck(canvas, it,
            {chance.between(1.5f, 3.4f), chance.between(0.5f, 4.5f), chance.between(0.2f, 0.9f)});
  draw_front_line(canvas, it, {chance.between(0.6f, 1.8f), chance.between(0.1f, 0.9f)});
}

void draw_sandal(Canvas& canvas, Chance& chance) {
  const float sole = chance.between(5.0f, 8.5f), thick = chance.between(1.2f, 2.8f);
  const float heel = chance.happens(0.5f) ? chance.between(2.0f, 6.0f) : 0.0f;
  const float toe = chance.between(-12.5f, -10.5f), end = chance.between(10.0f, 12.5f);
  canvas.fill({{toe, sole - thick},
               {-3.0f, sole - thick - 0.3f * heel},
               {end, sole - thick - heel},
               {end, sole - heel},
               {-3.0f, sole - 0.2f * heel},
               {toe, sole}},
              1.0f);
  if (heel > 0.0f) {
    const float width = chance.between(1.2f, 4.5f);
    canvas.fill({{end - width, sole - heel}, {end, sole - heel}, {end, sole}, {end - 1.2f, sole}},
                0.9f);
  }
  const float height = chance.between(4.0f, 9.0f), strap = chance.between(1.0f, 2.2f);
  const int straps = 1 + static_cast<int>(chance.between(1.0f, 4.0f));
  for (int i = 0; i < straps; ++i) {
    const float x = chance.between(-10.0f, 8.0f), lean = chance.between(1.0f, 6.0f);
    const float base = sole - thick - heel * (x + 12.0f) / 24.0f;
    const float rise = height * (0.45f + 0.025f * (x + 10.0f));
    canvas.fill(
        {{x, base}, {x + lean, base - rise}, {x + lean + strap, base - rise}, {x + strap, base}},
        chance.between(0.6f, 1.0f));
  }
  const float ankle = sole - thick - heel - height;
  canvas.fill({{1.0f, ankle}, {end, ankle - 1.0f}, {end, ankle + 0.6f}, {1.0f, ankle + strap}},
              0.85f);
}

void draw_shirt(Canvas& canvas, Chance& chance) {
  const Top it{chance.between(6.2f, 8.3f), chance.between(5.8f, 7.8f), chance.between(5.8f, 8.0f),
               chance.between(-11.5f, -9.0f), chance.between(9.0f, 13.0f)};
  const float drop =
      chance.happens(0.6f) ? chance.between(12.0f, 20.0f) : chance.between(5.0f, 11.0f);
  draw_sleeves(
      canvas, it,
      {drop, chance.between(1.8f, 4.8f), chance.between(2.2f, 3.8f), chance.between(0.8f, 1.0f)});
  draw_body(canvas, it, 1.0f);
  draw_neck(canvas, it,
            {chance.between(1.6f, 3.4f), chance.between(0.8f, 3.5f), chance.between(0.0f, 0.7f)});
  if (chance.happens(0.7f)) {
    draw_front_line(canvas, it, {chance.between(0.5f, 1.2f), chance.between(0.55f, 1.0f)});
  }
}

void draw_sneaker(Canvas& canvas, Chance& chance) {
  const float sole = chance.between(6.0f, 9.0f), height = chance.between(9.0f, 14.0f);
  const float toe = chance.between(-12.8f, -11.0f), end = chance.between(10.8f, 12.6f);
  const float opening = chance.between(2.0f, 5.0f), instep = chance.between(0.5f, 0.7f);
  canvas.fill({{toe, sole},
               {toe + 0.4f, sole - 2.6f},
               {-8.0f, sole - 3.6f},
               {-3.0f, sole - instep * height},
               {opening, sole - height + 1.0f},
               {end - 2.5f, sole - height + 1.2f},
               {end, sole - height},
               {end, sole}},
              1.0f);
  const float edge = chance.between(0.35f, 1.2f), thick = chance.between(1.0f, 2.2f);
  canvas.fill({{toe, sole - thick}, {end, sole - thick}, {end, sole}, {toe, sole}}, edge);
  const float stripe = chance.between(0.4f, 1.15f), x = chance.between(-3.0f, 2.0f);
  canvas.fill({{x, sole - 2.0f},
               {x + 2.0f, sole - 0.5f * height},
               {x + 3.5f, sole - 0.5f * height},
               {x + 2.0f, sole - 2.0f}},
              stripe);
}

void draw_bag(Canvas& canvas, Chance& chance) {
  const float top = chance.between(-6.0f, 0.0f), bottom = chance.between(7.0f, 12.5f);
  const float upper = chance.between(7.0f, 12.0f), lower = chance.between(8.0f, 12.8f);
  if (chance.happens(0.85f)) {
    const float half = chance.between(3.5f, 8.0f), height = chance.between(3.0f, 9.0f);
    const float thick = chance.between(0.9f, 2.0f), shade = chance.between(0.6f, 1.0f);
    canvas.fill_symmetric({{0.65f * half, top - height}, {half, top}}, shade);
    canvas.fill_symmetric({{0.65f * half - thick, top - height + thick}, {half - thick, top}},
                          0.0f);
  }
  canvas.fill_symmetric({{upper, top}, {lower, bottom}}, 1.0f);
  const float flap = chance.between(0.6f, 1.1f), depth = chance.between(0.2f, 0.6f);
  canvas.fill_symmetric({{upper, top}, {0.8f * upper, top + depth * (bottom - top)}}, flap);
}

void draw_ankle_boot(Canvas& canvas, Chance& chance) {
  const float sole = chance.between(8.0f, 12.0f), height = chance.between(10.0f, 21.0f);
  const float toe = chance.between(-12.5f, -10.5f), end = chance.between(9.0f, 12.0f);
  const float front = chance.between(-1.0f, 3.5f), instep = chance.between(5.0f, 7.5f);
  canvas.fill({{toe, sole},
               {toe + 0.4f, sole - 3.0f},
               {-7.0f, sole - 4.4f},
               {front - 2.0f, sole - instep},
               {front, sole - height},
               {end, sole - height - 0.4f},
               {end - 0.6f, sole - instep},
               {end, sole}},
              1.0f);
  if (chance.happens(0.55f)) {  // a heel: the arch before it is cut away
    const float arch = chance.between(0.8f, 2.4f), heel = chance.between(2.5f, 5.0f);
    canvas.fill({{-4.0f, sole + 0.5f}, {end - heel, sole - arch}, {end - heel, sole + 0.5f}}, 0.0f);
  }
  const float edge = chance.between(0.5f, 1.1f);
  canvas.fill({{toe, sole - 1.0f}, {-4.0f, sole - 1.0f}, {-4.0f, sole}, {toe, sole}}, edge);
}

/// One draw for each class, by label.
constexpr std::array<void (*)(Canvas&, Chance&), 10> kDraw{
    draw_t_shirt, draw_trouser, draw_pullover, draw_dress, draw_coat,
    draw_sandal,  draw_shirt,   draw_sneaker,  draw_bag,   draw_ankle_boot};

float fraction(float x) {
  return x - std::floor(x);
}

/// Cloth: brightness, a gradient, stripes across, along, or none, and noise in every pixel.
void dye(const Canvas& canvas, Chance& chance, const std::array<float, kPixels>& noise,
         std::uint8_t* pixels) {
  const float brightness = chance.between(70.0f, 250.0f);
  const float gradient = chance.between(-0.012f, 0.012f);
  const float rough = chance.between(0.02f, 0.22f);
  const bool striped = chance.happens(0.35f), across = chance.happens(0.6f);
  const float pace = 1.0f / chance.between(2.0f, 7.0f), depth = chance.between(0.1f, 0.6f);
  for (std::size_t i = 0; i < kPixels; ++i) {
    const float value = canvas.values()[i];
    if (value <= 0.0f) {
      pixels[i] = 0;
      continue;
    }
    const float x = static_cast<float>(i % kSide), y = static_cast<float>(i / kSide);
    float shade = value * (1.0f + gradient * (y - 14.0f));
    if (striped && fraction((across ? y : x) * pace) < 0.5f) shade *= 1.0f - depth;
    shade *= 1.0f + rough * (2.0f * noise[i] - 1.0f);
    pixels[i] = static_cast<std::uint8_t>(std::clamp(brightness * shade, 0.0f, 255.0f));
  }
}

/// `part` keeps the training and test images apart. Labels go round, so any prefix is balanced.
ImageSet draw_images(std::size_t count, std::uint32_t part) {
  ImageSet set{kSide, kSide, std::vector<std::uint8_t>(count * kPixels),
               std::vector<std::uint8_t>(count)};
  std::array<float, kPixels> noise;
  for (std::size_t i = 0; i < count; ++i) {
    RandomAddress address{kSeed, Stream::Data, part, 0, static_cast<std::uint32_t>(i)};
    Chance chance(address);
    address.layer = 1;
    uniform(address, noise.data(), noise.size());

    const auto label = static_cast<std::uint8_t>(i % kDraw.size());
    Canvas canvas(chance);
    kDraw[label](canvas, chance);
    dye(canvas, chance, noise, set.pixels.data() + i * kPixels);
    set.labels[i] = label;
  }
  return set;
}

}  // namespace

Dataset make_silhouettes(std::size_t train, std::size_t test) {
  Dataset data;
  data.name = "silhouettes";
  data.origin = "embedded generator";
  data.classes.assign(fashion_mnist_classes().begin(), fashion_mnist_classes().end());
  data.train = draw_images(train, 0);
  data.test = draw_images(test, 1);
  data.fingerprint = io::fingerprint(io::sums_of(data.train), io::sums_of(data.test));
  return data;
}

}  // namespace synfire
