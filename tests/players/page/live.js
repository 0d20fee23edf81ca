// Plays a live stream with hls.js in low-latency mode and notes, for each presented frame, what its barcode says.
import { readFlash, readMark } from "/page/barcode.js";

/** Of the canvas: half of the source's size, whatever that is, reads as well. */
const WIDTH = 320;
const HEIGHT = 180;
/** Rows of the canvas that carry the code. */
const CODE_HEIGHT = Math.ceil((HEIGHT * 3) / 24);
/** Samples at once of the sound; a beep is found to within its length. */
const QUANTUM = 128;

/** Runs where sound is rendered: tells when each beep begins, in seconds of the audio clock. */
const LISTENER = `
  registerProcessor("beeps", class extends AudioWorkletProcessor {
    silent = 0;
    process([[samples]]) {
      if (!samples) return true;
      const at = samples.findIndex((level) => Math.abs(level) > 0.05);
      if (at >= 0 && this.silent > 20) this.port.postMessage(currentTime + at / sampleRate);
      this.silent = at >= 0 ? 0 : this.silent + 1;
      return true;
    }
  });`;

/** Notes each presented frame: what its code says, whether the flash is lit, and when it is on the screen. */
function noteFrames(video, notes) {
  const context = new OffscreenCanvas(WIDTH, CODE_HEIGHT).getContext("2d", { willReadFrequently: true });
  const look = (now, { mediaTime, presentedFrames, expectedDisplayTime }) => {
    // The clock is read first: what reading the picture takes is no latency.
    const shown = performance.timeOrigin + Math.max(now, expectedDisplayTime);
    // Which moment of the media plays now, without regard to when the display is refreshed.
    const played = { at: performance.timeOrigin + performance.now(), past: (video.currentTime - mediaTime) * 1000 };
    context.drawImage(video, 0, 0, WIDTH, HEIGHT);
    const { data } = context.getImageData(0, 0, WIDTH, CODE_HEIGHT);
    const mark = readMark(data, WIDTH, HEIGHT);
    notes.push({ ...mark, read: mark !== null, flash: readFlash(data, WIDTH, HEIGHT), shown, played, presented: presentedFrames });
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
}

/** Notes waits after playback first began, as moments and lengths in ms. */
function noteStalls(video, stalls) {
  let began = false;
  let since = null;
  video.addEventListener("waiting", (event) => began && (since ??= event.timeStamp));
  video.addEventListener("playing", (event) => {
    if (since !== null) stalls.push({ at: performance.timeOrigin + since, ms: event.timeStamp - since });
    since = null;
    began = true;
  });
}

/** Notes when beeps leave the element, on the clock that frames are shown by. */
async function noteBeeps(video, beeps) {
  const context = new AudioContext();
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([LISTENER], { type: "text/javascript" })));
  const listener = new AudioWorkletNode(context, "beeps", { channelCount: 1, channelCountMode: "explicit" });
  listener.port.onmessage = ({ data }) => {
    // Both clocks at one moment, and the way that rendered sound still has to go.
    const { contextTime, performanceTime } = context.getOutputTimestamp();
    const heard = performance.timeOrigin + performanceTime + (data - contextTime) * 1000;
    beeps.push({ heard, media: video.currentTime - (context.currentTime - data) });
  };
  context.createMediaElementSource(video).connect(listener).connect(context.destination);
  await context.resume();
}

const notes = { frames: [], stalls: [], beeps: [], errors: [], levels: [] };

/** Begins to play and to note. */
window.play = async (url, config) => {
  const video = document.getElementById("video");
  video.crossOrigin = "anonymous";
  noteFrames(video, notes.frames);
  noteStalls(video, notes.stalls);
  await noteBeeps(video, notes.beeps);
  const player = new window.Hls({ lowLatencyMode: true, ...config });
  player.on(window.Hls.Events.ERROR, (_, data) => notes.errors.push(`${data.type} ${data.details}${data.fatal ? ", fatal" : ""}`));
  player.on(window.Hls.Events.LEVEL_SWITCHED, (_, { level }) => notes.levels.push(level));
  player.loadSource(url);
  player.attachMedia(video);
  video.addEventListener("error", () => notes.errors.push(`media element: ${video.error?.message}, fatal`));
  await video.play();
  window.player = player;
};

/** What was noted since the last call, and how the player fares. */
window.take = () => {
  const video = document.getElementById("video");
  const { droppedVideoFrames: dropped, totalVideoFrames: total } = video.getVideoPlaybackQuality();
  const taken = structuredClone(notes);
  for (const list of Object.values(notes)) list.length = 0;
  const { latency, targetLatency } = window.player;
  return { ...taken, position: video.currentTime, paused: video.paused, dropped, total, latency, targetLatency, quantum: QUANTUM };
};
window.ready = true;
