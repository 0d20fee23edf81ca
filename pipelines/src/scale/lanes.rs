//! Whether AVX2 may be used, and its loads and stores by arrays, which the compiler turns into one instruction each.

#[cfg(target_arch = "x86_64")]
pub use avx2::{bytes, load, load_wide};

/// Whether this machine has AVX2.
pub fn usable() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m128i, __m256i, _mm_cvtsi128_si64, _mm_extract_epi64, _mm_packus_epi16, _mm_set_epi64x,
        _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_set_epi64x,
    };

    /// Sixteen bytes.
    #[target_feature(enable = "avx2")]
    pub fn load(bytes: &[u8; 16]) -> __m128i {
        let value = u128::from_le_bytes(*bytes);
        _mm_set_epi64x((value >> 64) as i64, value as i64)
    }

    /// Thirty-two bytes.
    #[target_feature(enable = "avx2")]
    pub fn load_wide(bytes: &[u8; 32]) -> __m256i {
        let (low, high) = bytes.split_at(16);
        let half = |half: &[u8]| half.try_into().map_or(0, u128::from_le_bytes);
        let (low, high) = (half(low), half(high));
        _mm256_set_epi64x((high >> 64) as i64, high as i64, (low >> 64) as i64, low as i64)
    }

    /// Sixteen words, each held to what a byte can say.
    #[target_feature(enable = "avx2")]
    pub fn bytes(words: __m256i) -> [u8; 16] {
        let packed = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words));
        let (low, high) = (_mm_cvtsi128_si64(packed) as u64, _mm_extract_epi64::<1>(packed) as u64);
        (u128::from(low) | u128::from(high) << 64).to_le_bytes()
    }
}
