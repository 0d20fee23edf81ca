// Plays an address with one of the players and notes every frame that is presented.
import { readFrame } from "/page/barcode.js";

const WIDTH = 480;
const HEIGHT = 270;
/** Rows of the canvas that carry the code. */
const CODE_HEIGHT = Math.ceil((HEIGHT * 3) / 24);

const players = {
  async "hls.js"(video, url, failed) {
    const player = new window.Hls({ enableWorker: true });
    player.on(window.Hls.Events.ERROR, (_, data) => data.fatal && failed(`${data.type} ${data.details}`));
    player.loadSource(url);
    player.attachMedia(video);
    await new Promise((parsed) => player.once(window.Hls.Events.MANIFEST_PARSED, parsed));
  },
  async shaka(video, url, failed) {
    window.shaka.polyfill.installAll();
    const player = new window.shaka.Player();
    await player.attach(video);
    player.addEventListener("error", (event) => failed(`shaka ${event.detail.code}`));
    await player.load(url);
  },
  async "dash.js"(video, url, failed) {
    const player = window.dashjs.MediaPlayer().create();
    player.on("error", (event) => failed(`dash.js ${event.error?.code} ${event.error?.message}`));
    player.initialize(video, url, false);
    await new Promise((ready) => player.on("streamInitialized", ready));
  },
};

/** What a viewer saw: frame numbers with their presentation times, stalls in ms, and how it ended. */
window.watch = async (name, url, patienceMs) => {
  const video = document.getElementById("video");
  const canvas = new OffscreenCanvas(WIDTH, CODE_HEIGHT);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const seen = { frames: [], unread: 0, stalls: [], ended: false, error: null, start: null };
  let waitingSince = null;
  const failed = (reason) => (seen.error ??= reason);
  const look = (_, metadata) => {
    context.drawImage(video, 0, 0, WIDTH, HEIGHT);
    const frame = readFrame(context.getImageData(0, 0, WIDTH, CODE_HEIGHT).data, WIDTH, HEIGHT);
    if (frame === null) seen.unread += 1;
    else if (seen.frames.at(-1)?.[0] !== frame) seen.frames.push([frame, metadata.mediaTime]);
    video.requestVideoFrameCallback(look);
  };
  const resumed = () => {
    if (waitingSince !== null && seen.frames.length > 0) seen.stalls.push(performance.now() - waitingSince);
    waitingSince = null;
  };
  video.requestVideoFrameCallback(look);
  video.addEventListener("waiting", () => (waitingSince ??= performance.now()));
  video.addEventListener("playing", resumed);
  video.addEventListener("error", () => failed(`media element: ${video.error?.message}`));
  const ended = new Promise((done) => video.addEventListener("ended", () => ((seen.ended = true), done())));
  try {
    await players[name](video, url, failed);
    seen.start = video.buffered.length > 0 ? video.buffered.start(0) : null;
    await video.play();
    await Promise.race([ended, new Promise((late) => setTimeout(late, patienceMs))]);
  } catch (error) {
    failed(String(error?.code ?? error));
  }
  seen.duration = video.duration;
  seen.quality = video.getVideoPlaybackQuality?.().droppedVideoFrames ?? null;
  return seen;
};
window.ready = true;
