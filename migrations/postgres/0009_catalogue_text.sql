-- Tracks of text.
alter table track drop constraint track_kind_check;
alter table track add constraint track_kind_check check (kind in ('video', 'audio', 'text'));
