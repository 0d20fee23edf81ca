//! The same bytes from the same source, whatever the process did before.
//!
//! x264's macroblock tree reads memory it never wrote when a picture's sides are no multiples of 16 (seen with
//! libx264 164 in FFmpeg, too): fresh pages are zero, but what an allocator hands out again is not. Zeroed
//! allocations make every run the run of a fresh process.

/// From now on, new memory is zero, but for pieces under about a kilobyte, which threads cache for themselves;
/// x264 allocates a picture with all its tables in one piece.
#[cfg(target_env = "gnu")]
pub fn zero_new_memory() {
    // The complement of the byte given is what allocations are filled with (mallopt(3), M_PERTURB).
    const FREED: libc::c_int = 0xff;
    #[expect(unsafe_code, reason = "mallopt has no safe wrapper")]
    // SAFETY: mallopt takes two integers, is thread-safe, and changes only what fresh memory holds.
    unsafe {
        libc::mallopt(libc::M_PERTURB, FREED);
    }
}

/// Other allocators have no such switch.
#[cfg(not(target_env = "gnu"))]
pub fn zero_new_memory() {}

#[cfg(all(test, target_env = "gnu"))]
mod tests {
    use std::{
        alloc::{Layout, alloc, dealloc},
        hint::black_box,
    };

    #[test]
    fn memory_used_before_comes_back_zero() {
        super::zero_new_memory();
        for size in [2048usize, 4096, 100_000, 3_000_000] {
            drop(black_box(vec![0x77u8; size]));
            let layout = Layout::array::<u8>(size).expect("a small array");
            #[expect(unsafe_code, reason = "reading what the allocator left is the point")]
            // SAFETY: the layout is not empty, the memory is read within its size, and freed as it was made; any
            // byte is a valid u8, and the allocator has initialised all of them.
            let zero = unsafe {
                let fresh = alloc(layout);
                let zero = std::slice::from_raw_parts(black_box(fresh), size).iter().all(|byte| *byte == 0);
                dealloc(fresh, layout);
                zero
            };
            assert!(zero, "{size} bytes");
        }
    }
}
