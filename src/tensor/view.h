// A strided view of somebody else's elements.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "base/error.h"

namespace dsa {

/// Does not own.  Strides count elements; the last dimension is contiguous.
/// Copying a view copies no elements.
template <class T, std::size_t Rank>
class TensorView {
 public:
  TensorView() = default;
  /// Dense row-major.
  TensorView(T* data, std::array<std::int64_t, Rank> shape) : data_(data), shape_(shape) {
    std::int64_t stride = 1;
    for (std::size_t i = Rank; i-- > 0; stride *= shape_[i]) strides_[i] = stride;
  }
  TensorView(T* data, std::array<std::int64_t, Rank> shape, std::array<std::int64_t, Rank> strides)
      : data_(data), shape_(shape), strides_(strides) {
    DSA_DCHECK(strides_[Rank - 1] == 1);
  }
  /// T -> const T.
  template <class U>
    requires(std::is_const_v<T> && std::is_same_v<std::remove_const_t<T>, U>)
  TensorView(const TensorView<U, Rank>& other)  // NOLINT(google-explicit-constructor)
      : data_(other.data()), shape_(other.shape()), strides_(other.strides()) {}

  [[nodiscard]] T* data() const { return data_; }
  [[nodiscard]] bool empty() const { return data_ == nullptr || size() == 0; }
  [[nodiscard]] const std::array<std::int64_t, Rank>& shape() const { return shape_; }
  [[nodiscard]] const std::array<std::int64_t, Rank>& strides() const { return strides_; }
  [[nodiscard]] std::int64_t dim(std::size_t i) const { return shape_[i]; }
  [[nodiscard]] std::int64_t stride(std::size_t i) const { return strides_[i]; }
  [[nodiscard]] std::int64_t rows() const { return shape_[0]; }
  [[nodiscard]] std::int64_t cols() const { return shape_[Rank - 1]; }
  [[nodiscard]] std::int64_t size() const {
    std::int64_t n = 1;
    for (const auto d : shape_) n *= d;
    return n;
  }

  /// The first element of a row: row(t) of a matrix, row(t, h) of a rank-3 tensor.
  template <class... Index>
  [[nodiscard]] T* row(Index... index) const {
    static_assert(sizeof...(Index) < Rank);
    const std::array<std::int64_t, sizeof...(Index)> at{static_cast<std::int64_t>(index)...};
    std::int64_t offset = 0;
    for (std::size_t i = 0; i < at.size(); ++i) {
      DSA_DCHECK(at[i] >= 0 && at[i] < shape_[i]);
      offset += at[i] * strides_[i];
    }
    return data_ + offset;
  }
  template <class... Index>
  [[nodiscard]] std::span<T> span(Index... index) const {
    static_assert(sizeof...(Index) == Rank - 1);
    return {row(index...), static_cast<std::size_t>(cols())};
  }
  template <class... Index>
  [[nodiscard]] T& operator()(Index... index) const {
    static_assert(sizeof...(Index) == Rank);
    const std::array<std::int64_t, Rank> at{static_cast<std::int64_t>(index)...};
    std::int64_t offset = 0;
    for (std::size_t i = 0; i < Rank; ++i) {
      DSA_DCHECK(at[i] >= 0 && at[i] < shape_[i]);
      offset += at[i] * strides_[i];
    }
    return data_[offset];
  }

  /// Rows [first, first + count) of the first dimension.
  [[nodiscard]] TensorView slice(std::int64_t first, std::int64_t count) const {
    DSA_DCHECK(first >= 0 && count >= 0 && first + count <= shape_[0]);
    auto shape = shape_;
    shape[0] = count;
    return {data_ + first * strides_[0], shape, strides_};
  }

 private:
  T* data_ = nullptr;
  std::array<std::int64_t, Rank> shape_{};
  std::array<std::int64_t, Rank> strides_{};
};

}  // namespace dsa
