import { useEffect } from 'react';
import { savePosition } from './resume';

const SAVE_MS = 5_000;

/** Keeps the position of a film while it plays, when it pauses and when the page goes. */
export function useResume(video: HTMLVideoElement | null, id: string, totalSeconds: number): void {
  useEffect(() => {
    if (!video || totalSeconds <= 0) return;
    const save = () => savePosition(id, video.currentTime, totalSeconds);
    const timer = setInterval(() => !video.paused && save(), SAVE_MS);
    video.addEventListener('pause', save);
    addEventListener('pagehide', save);
    return () => {
      clearInterval(timer);
      video.removeEventListener('pause', save);
      removeEventListener('pagehide', save);
    };
  }, [video, id, totalSeconds]);
}
