"""Programs of others against our output: ffprobe, Shaka Packager, ffmpeg, VLC and tuspy."""
