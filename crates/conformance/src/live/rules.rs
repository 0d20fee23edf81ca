//! The table of the rules over a live session.

use crate::Severity::{self, Must, Should};

/// One obligation of a live stream, judged over the exchanges of its players.
#[derive(Clone, Copy, Debug)]
pub struct LiveRule {
    /// Id, such as `LIVE-TD-CONSTANT`. Never reused for another meaning.
    pub id: &'static str,
    /// Where the requirement stands.
    pub clause: &'static str,
    /// How binding it is.
    pub severity: Severity,
    /// What must hold, in one line.
    pub title: &'static str,
}

macro_rules! rules {
    ($($of:ident $id:literal $clause:literal $severity:ident $title:literal;)*) => {
        /// A rule, as its index in [`LIVE_RULES`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Of { $($of),* }

        /// Every rule over live sessions, in the order of docs/CONFORMANCE.md. Sections are those of
        /// draft-pantos-hls-rfc8216bis-22, unless another source is named.
        pub static LIVE_RULES: &[LiveRule] =
            &[$(LiveRule { id: $id, clause: $clause, severity: $severity, title: $title }),*];
    };
}

#[rustfmt::skip]
rules! {
    // Every answer.
    Answered "LIVE-ANSWERED" "6.2.1" Must "every request is answered";
    Length "LIVE-LENGTH" "6.2.1" Must "an answer is as long as its Content-Length";
    Cors "LIVE-CORS" "Apple HLS Authoring 10.6" Must "a page of any origin may read every answer (access-control-allow-origin)";
    Type "LIVE-TYPE" "4" Must "lists and media have their Content-Type";
    Gzip "LIVE-GZIP" "6.2.1" Should "lists come compressed to who accepts gzip";
    Vary "LIVE-VARY" "RFC 9110 12.5.5" Must "a list that comes compressed says Vary: accept-encoding";
    Http "LIVE-HTTP" "B.1" Must "over TLS, HTTP/2 or later is spoken";
    CacheList "LIVE-CACHE-LIST" "6.2.1" Should "a list that was not waited for is kept by caches for at most half a target duration";
    CacheBlocked "LIVE-CACHE-BLOCKED" "6.2.5.2" Should "a list that was waited for may be kept by caches, for at most six target durations";
    CacheError "LIVE-CACHE-ERROR" "6.2.1" Should "an error is kept by caches for at most a target duration, and only when it says for how long";
    CacheMedia "LIVE-CACHE-MEDIA" "6.2.1" Should "media may be kept by caches for at least six target durations";
    Immutable "LIVE-IMMUTABLE" "6.2.1" Must "the bytes behind a media address never change";
    // One list.
    Syntax "LIVE-SYNTAX" "4.1 to 4.4" Must "lists are well formed";
    Version "LIVE-VERSION" "8" Must "EXT-X-VERSION allows what the list uses";
    NoType "LIVE-NO-TYPE" "4.4.3.5" Must "a list that loses segments has no EXT-X-PLAYLIST-TYPE";
    Extinf "LIVE-EXTINF" "4.4.3.1" Must "EXTINF, rounded, is at most the target duration";
    Window "LIVE-WINDOW" "6.2.2" Must "a list that loses segments keeps at least three target durations";
    Block "LIVE-BLOCK" "4.4.3.8" Must "lists with parts say CAN-BLOCK-RELOAD=YES";
    BlockFrames "LIVE-BLOCK-I-FRAMES" "B.1" Should "I-frame lists say CAN-BLOCK-RELOAD=YES too";
    HoldBack "LIVE-HOLD-BACK" "4.4.3.8" Must "HOLD-BACK is at least three target durations";
    PartHoldBack "LIVE-PART-HOLD-BACK" "4.4.3.8" Must "with EXT-X-PART-INF there is PART-HOLD-BACK, of at least two part targets";
    PartHoldBackAdvised "LIVE-PART-HOLD-BACK-ADVISED" "4.4.3.8" Should "PART-HOLD-BACK is at least three part targets";
    CanSkip "LIVE-CAN-SKIP" "4.4.3.8" Must "CAN-SKIP-UNTIL is at least six target durations";
    CanSkipDates "LIVE-CAN-SKIP-DATERANGES" "4.4.3.8" Must "CAN-SKIP-DATERANGES is there only with CAN-SKIP-UNTIL";
    PartInf "LIVE-PART-INF" "4.4.3.7" Must "lists with parts have EXT-X-PART-INF";
    PartLong "LIVE-PART-LONG" "4.4.4.9" Must "no part is longer than the part target";
    PartShort "LIVE-PART-SHORT" "4.4.4.9" Must "a part lasts 85 % of the part target, unless it is independent, a gap, before a gap, or the last of its segment";
    PartTags "LIVE-PART-TAGS" "4.4.4.9" Must "EXT-X-KEY, -MAP, -PROGRAM-DATE-TIME and -DISCONTINUITY of a segment stand before its first part";
    PartSum "LIVE-PART-SUM" "4.4.4.9" Must "the parts of a segment last as long as its EXTINF";
    PartsNear "LIVE-PARTS-NEAR" "6.2.2" Should "segments that end more than three target durations before the end of the list show no parts";
    GapParts "LIVE-GAP-PARTS" "4.4.4.7" Must "a segment has EXT-X-GAP exactly when its parts have GAP=YES";
    HintOne "LIVE-HINT-ONE" "4.4.5.3" Must "there is one EXT-X-PRELOAD-HINT of a TYPE";
    HintPart "LIVE-HINT-PART" "B.1" Must "a list that goes on hints at its next part";
    HintEnded "LIVE-HINT-ENDED" "4.4.5.3" Must "an ended list hints at nothing";
    DateDiscontinuity "LIVE-PDT-DISCONTINUITY" "6.2.1" Must "in a list with dates, the first segment behind each discontinuity has one";
    DateLine "LIVE-PDT-LINE" "4.4.4.6" Must "dates of a list go on by the durations between them";
    // Lists over time.
    TargetConstant "LIVE-TD-CONSTANT" "6.2.1" Must "the target duration never changes";
    PartTargetConstant "LIVE-PART-TARGET-CONSTANT" "4.4.3.7" Must "the part target never changes";
    MsnGrows "LIVE-MSN-GROWS" "6.2.2" Must "the media sequence number never goes back";
    DsnGrows "LIVE-DSN-GROWS" "6.2.2" Must "the discontinuity sequence number never goes back";
    DsnCounts "LIVE-DSN-COUNTS" "6.2.2" Must "the discontinuity sequence number grows by the discontinuities that leave with their segments";
    EdgeGrows "LIVE-EDGE-GROWS" "6.2.1" Must "segments and parts leave a list at its head alone";
    AppendOnly "LIVE-APPEND-ONLY" "6.2.1" Must "what a list says of a segment or part never changes";
    EndedFinal "LIVE-ENDED-FINAL" "4.4.3.4" Must "an ended list stays as it is";
    SegmentDue "LIVE-SEGMENT-DUE" "6.2.1" Must "a segment is listed within one and a half target durations of the one before";
    PartDue "LIVE-PART-DUE" "6.2.1" Must "a part is listed within a part target of the one before";
    HintNext "LIVE-HINT-NEXT" "4.4.5.3" Must "the part that is listed next is the one that was hinted";
    // Reloading.
    BlockHeld "LIVE-BLOCK-HELD" "6.2.5.2" Must "a list that was asked for with _HLS_msn and _HLS_part holds that segment or part";
    BlockPresent "LIVE-BLOCK-PRESENT" "6.2.5.2" Must "a list that already holds what is asked for comes at once";
    BlockEvicted "LIVE-BLOCK-EVICTED" "6.2.5.2" Must "a segment that has left the list is no reason to wait or to refuse";
    BlockRollover "LIVE-BLOCK-ROLLOVER" "6.2.5.2" Must "a part past the last of a segment is part 0 of the next";
    PartAlone "LIVE-PART-WITHOUT-MSN" "6.2.5.2" Must "_HLS_part without _HLS_msn gets 400";
    TooFar "LIVE-TOO-FAR" "6.2.5.2" Must "what is more than two segments, or more parts than the advance limit, ahead gets 400";
    Lawful "LIVE-LAWFUL" "6.2.5.2" Must "a request within those limits is not refused";
    BlockTimeout "LIVE-BLOCK-TIMEOUT" "6.2.5.2" Must "a request is held for at most three target durations, and gets 503 then and not before";
    EndedDirectives "LIVE-ENDED-DIRECTIVES" "6.2.5" Must "an ended list comes at once and whole, whatever the directives";
    // Delta updates.
    SkipAsked "LIVE-SKIP-ASKED" "6.2.5.1" Must "EXT-X-SKIP comes only to who asks for it, and where CAN-SKIP-UNTIL allows it";
    SkipBoundary "LIVE-SKIP-BOUNDARY" "6.2.5.1" Must "a delta update skips only segments further from the end than the skip boundary";
    SkipTags "LIVE-SKIP-TAGS" "6.2.5.1" Must "a delta update has every tag of the list that is not of a skipped segment";
    SkipDates "LIVE-SKIP-V2" "4.4.5.2" Must "RECENTLY-REMOVED-DATERANGES comes only to who asks with _HLS_skip=v2";
    // Renditions.
    SameTarget "LIVE-SAME-TD" "6.2.4" Must "all renditions have one target duration";
    SameControl "LIVE-SAME-CONTROL" "4.4.3.8" Must "EXT-X-SERVER-CONTROL is the same in all lists of a multivariant playlist";
    SameDsn "LIVE-SAME-DSN" "6.2.4" Must "discontinuities have the same number and date in all renditions";
    SameDates "LIVE-SAME-PDT" "6.2.4" Must "all renditions have dates, or none";
    Aligned "LIVE-ALIGNED" "6.2.4" Must "media timestamps and dates go together alike in all renditions";
    ReportAll "LIVE-REPORT-ALL" "4.4.5.4" Must "a list that goes on reports on every other rendition";
    ReportWhole "LIVE-REPORT-WHOLE" "4.4.5.4" Must "a report has URI, LAST-MSN and, where there are parts, LAST-PART";
    ReportBehind "LIVE-REPORT-BEHIND" "4.4.5.4" Must "a report is not behind what its rendition has listed for a target duration";
    ReportAhead "LIVE-REPORT-AHEAD" "4.4.5.4" Must "a report is not ahead of its rendition";
    // Media.
    Listed "LIVE-LISTED" "6.2.1" Must "what a list names can be fetched";
    PartsLinger "LIVE-PARTS-LINGER" "6.2.2" Must "parts can be fetched for three target durations after they left the list";
    SegmentsLinger "LIVE-SEGMENTS-LINGER" "6.2.2" Must "segments can be fetched for their length and that of the list after they left it";
    HintWhole "LIVE-HINT-WHOLE" "4.4.5.3" Must "a hinted part is held until it is ready, and comes whole";
    Unhinted "LIVE-UNHINTED" "6.2.6" Must "what is neither listed nor hinted gets 404";
    Boxes "LIVE-BOXES" "3.1.2" Must "headers, parts and segments are whole boxes";
    PartMedia "LIVE-PART-MEDIA" "4.4.4.9" Must "DURATION of a part is that of its samples, to 2 ms";
    SegmentMedia "LIVE-SEGMENT-MEDIA" "4.4.4.1" Must "EXTINF is the length of the samples, to 2 ms";
    Concatenated "LIVE-CONCATENATED" "4.4.4.9" Must "a segment is its parts, one behind the other";
    Tfdt "LIVE-TFDT" "4.4.4.3" Must "decode times go on from part to part and from segment to segment between discontinuities";
    Independent "LIVE-INDEPENDENT" "4.4.4.9" Must "a part says INDEPENDENT=YES exactly when it holds a frame of that kind";
    MapChange "LIVE-MAP-CHANGE" "4.4.4.3" Should "another EXT-X-MAP comes with a discontinuity, and what it describes fits the media behind it";
    DateMedia "LIVE-PDT-MEDIA" "4.4.4.6" Must "dates go with the timestamps of the media between discontinuities, to 2 ms";
    // Date ranges, interstitials, steering, variables.
    RangeDates "LIVE-DATERANGE-PDT" "4.4.5.1" Must "a list with date ranges has dates";
    RangeUnique "LIVE-DATERANGE-UNIQUE" "4.4.5.1" Must "date ranges of one ID in a list do not contradict each other";
    RangeStable "LIVE-DATERANGE-STABLE" "4.4.5.1" Must "attributes of a date range never change";
    RangeSame "LIVE-DATERANGE-SAME" "6.2.4" Must "all renditions have the same date ranges";
    RangeKept "LIVE-DATERANGE-KEPT" "6.2.1" Must "a date range stays while it maps to listed media";
    RangeScte "LIVE-DATERANGE-SCTE35" "4.4.5.1.1" Must "SCTE35-CMD, -OUT and -IN are hexadecimal";
    AdAsset "LIVE-INTERSTITIAL-ASSET" "D.2" Must "an interstitial has exactly one of X-ASSET-URI and X-ASSET-LIST";
    AdValues "LIVE-INTERSTITIAL-VALUES" "D.2" Must "X-RESUME-OFFSET, X-PLAYOUT-LIMIT, X-SNAP, X-RESTRICT and CUE have values that are defined";
    Steering "LIVE-STEERING" "4.4.6.6" Must "EXT-X-CONTENT-STEERING stands once, with SERVER-URI";
    SteeringManifest "LIVE-STEERING-MANIFEST" "7.1" Must "a steering manifest is JSON with VERSION 1, TTL and PATHWAY-PRIORITY";
    Define "LIVE-DEFINE" "4.4.2.3" Must "EXT-X-DEFINE has exactly one of NAME, IMPORT and QUERYPARAM";
}
