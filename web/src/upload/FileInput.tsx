import { useEffect, useRef } from 'react';
import { filesPicked, mountFileInput, pickCancelled } from './pickFiles';
import { uploadFiles } from './useUploads';

/** The page's one file input, opened by buttons; files put into it directly are uploaded. */
export function FileInput() {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const element = input.current;
    mountFileInput(element);
    element?.addEventListener('cancel', pickCancelled);
    return () => mountFileInput(null);
  }, []);
  return (
    <input
      ref={input}
      type="file"
      multiple
      hidden
      accept="video/*,audio/*,.mkv,.mxf,.ts,.m2ts,.mov,.avi,.flac"
      data-testid="file-input"
      onChange={(event) => filesPicked(event.currentTarget, uploadFiles)}
    />
  );
}
