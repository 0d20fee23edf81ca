import { useEffect, useRef } from 'react';
import { playCalls, reportPlay, type PlayReporter } from './plays';

/** Reports one film's playing for as long as it is on the page. */
export function usePlayReport(id: string, hls: string, running: boolean): void {
  const reporter = useRef<PlayReporter | null>(null);
  useEffect(() => {
    const report = reportPlay(playCalls(id, hls));
    reporter.current = report;
    addEventListener('pagehide', report.close);
    return () => {
      removeEventListener('pagehide', report.close);
      report.close();
    };
  }, [id, hls]);
  useEffect(() => {
    if (running) reporter.current?.playing();
    else reporter.current?.paused();
  }, [running, id, hls]);
}
