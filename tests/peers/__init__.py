"""Programs of others against our output: ffprobe, Shaka Packager, ffmpeg, VLC and tuspy.

tests/.venv/bin/python -m unittest discover -v -s tests/peers -t tests
"""
