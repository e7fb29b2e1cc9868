#include "actors/download/digest.hpp"

#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <vector>

namespace lazaret::download {

struct sha256::context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  ~context() { EVP_MD_CTX_free(evp); }
};

sha256::sha256() : context_{std::make_unique<context>()} { restart(); }
sha256::~sha256() = default;
sha256::sha256(sha256&&) noexcept = default;
sha256& sha256::operator=(sha256&&) noexcept = default;

void sha256::restart() {
  if (context_->evp == nullptr || EVP_DigestInit_ex(context_->evp, EVP_sha256(), nullptr) != 1) throw std::bad_alloc{};
}

void sha256::update(std::string_view bytes) { EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size()); }

std::string sha256::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned size = 0;
  EVP_DigestFinal_ex(context_->evp, raw.data(), &size);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * size);
  for (unsigned i = 0; i < size; ++i) {
    hex += digits[raw[i] >> 4];
    hex += digits[raw[i] & 15];
  }
  return hex;
}

std::string sha256_of(std::string_view bytes) {
  sha256 digest;
  digest.update(bytes);
  return digest.finish();
}

std::optional<std::string> sha256_of_file(int fd) {
  sha256 digest;
  std::vector<char> block(256 << 10);
  for (off_t at = 0;;) {
    const auto got = ::pread(fd, block.data(), block.size(), at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) return digest.finish();
    digest.update({block.data(), static_cast<std::size_t>(got)});
    at += got;
  }
}

bool is_sha256(std::string_view text) noexcept {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

}  // namespace lazaret::download
