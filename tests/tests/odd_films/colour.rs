//! What colours are meant, what colours are seen, and how far apart they look.

/// Red, green and blue from 0 to 1, as display code values of BT.709 unless said otherwise.
pub type Rgb = [f64; 3];

/// The bars below the barcode, as BT.709 code values: 75 % primaries and mixtures, grey, and a skin tone.
pub const BARS: [Rgb; 8] = [
    [0.75, 0.75, 0.75],
    [0.75, 0.75, 0.0],
    [0.0, 0.75, 0.75],
    [0.0, 0.75, 0.0],
    [0.75, 0.0, 0.75],
    [0.75, 0.0, 0.0],
    [0.0, 0.0, 0.75],
    [0.76, 0.57, 0.48],
];

/// The bars of a film with a high dynamic range: linear light in nits, BT.709 primaries. From shadow over diffuse
/// white to a highlight, and colours as bright as screens show them.
pub const BRIGHT_BARS: [Rgb; 8] = [
    [2.0, 2.0, 2.0],
    [26.0, 26.0, 26.0],
    [203.0, 203.0, 203.0],
    [600.0, 600.0, 600.0],
    [80.0, 8.0, 8.0],
    [8.0, 80.0, 8.0],
    [12.0, 12.0, 120.0],
    [90.0, 50.0, 35.0],
];

/// Diffuse white in nits (Report ITU-R BT.2408 table 1): 1.0 of the picture that is made.
pub const WHITE_NITS: f64 = 203.0;
/// The exponent of Recommendation ITU-R BT.1886 with a black of zero.
pub const GAMMA: f64 = 2.4;

/// BT.709 linear light as BT.2020 linear light (Report ITU-R BT.2087 annex 2, inverted).
pub fn to_bt2020(rgb: Rgb) -> Rgb {
    const M: [[f64; 3]; 3] = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]];
    multiplied(&M, rgb)
}

fn multiplied(matrix: &[[f64; 3]; 3], rgb: Rgb) -> Rgb {
    matrix.map(|row| row[0] * rgb[0] + row[1] * rgb[1] + row[2] * rgb[2])
}

/// Nits as a PQ code value (SMPTE ST 2084, equation 5.2).
pub fn pq(nits: f64) -> f64 {
    let (m1, m2) = (2610.0 / 16384.0, 2523.0 / 32.0);
    let (c1, c2, c3) = (3424.0 / 4096.0, 2413.0 / 128.0, 2392.0 / 128.0);
    let y = (nits.max(0.0) / 10_000.0).powf(m1);
    ((c1 + c2 * y) / (1.0 + c3 * y)).powf(m2)
}

/// A PQ code value as nits: [`pq`] the other way, by bisection so that no formula is shared with the product.
pub fn nits_of_pq(code: f64) -> f64 {
    let (mut low, mut high) = (0.0, 10_000.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if pq(middle) < code { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

/// Nits on a screen of 1000 nits as HLG code values (Recommendation ITU-R BT.2100 tables 5 and 6, system gamma 1.2).
pub fn hlg(nits: Rgb) -> Rgb {
    let shown = nits.map(|part| part / 1_000.0);
    let luminance = 0.2627 * shown[0] + 0.6780 * shown[1] + 0.0593 * shown[2];
    let scene = |part: f64| if luminance > 0.0 { part * luminance.powf(1.0 / 1.2 - 1.0) } else { 0.0 };
    shown.map(|part| {
        let light = scene(part);
        let (a, b, c) = (0.178_832_77, 0.284_668_92, 0.559_910_73);
        if light <= 1.0 / 12.0 { (3.0 * light).sqrt() } else { a * (12.0 * light - b).ln() + c }
    })
}

/// What a bar of `nits` in a film mastered on a screen of `peak` nits is to look like: the EETF of Report ITU-R
/// BT.2390 section 5.4.1 from that screen to one of [`WHITE_NITS`], on the largest of the three BT.2020 parts, all
/// three scaled alike; as BT.709 code values by BT.1886.
pub fn toned(nits: Rgb, peak: f64) -> Rgb {
    let wide = to_bt2020(nits);
    let largest = wide.iter().copied().fold(0.0, f64::max);
    if largest <= 0.0 {
        return [0.0; 3];
    }
    let top = pq(peak);
    let (signal, max) = (pq(largest) / top, pq(WHITE_NITS) / top);
    let knee = 1.5 * max - 0.5;
    let rolled = if max >= 1.0 || signal < knee {
        signal
    } else {
        let t = (signal - knee) / (1.0 - knee);
        let (t2, t3) = (t * t, t * t * t);
        (2.0 * t3 - 3.0 * t2 + 1.0) * knee + (t3 - 2.0 * t2 + t) * (1.0 - knee) + (3.0 * t2 - 2.0 * t3) * max
    };
    let scale = nits_of_pq(rolled * top) / largest;
    nits.map(|part| (part * scale / WHITE_NITS).clamp(0.0, 1.0).powf(1.0 / GAMMA))
}

/// CIE L*a*b* (D65) of BT.709 code values on a BT.1886 screen.
fn lab(rgb: Rgb) -> [f64; 3] {
    const M: [[f64; 3]; 3] = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]];
    let [x, y, z] = multiplied(&M, rgb.map(|part| part.clamp(0.0, 1.0).powf(GAMMA)));
    let f = |t: f64| if t > 216.0 / 24_389.0 { t.cbrt() } else { (24_389.0 / 27.0 * t + 16.0) / 116.0 };
    let (fx, fy, fz) = (f(x / 0.9505), f(y), f(z / 1.0890));
    [116.0 * fy - 16.0, 500.0 * (fx - fy), 200.0 * (fy - fz)]
}

/// How far apart two colours look (ISO/CIE 11664-6, CIEDE2000): 1 is about the least anybody sees.
pub fn difference(one: Rgb, other: Rgb) -> f64 {
    delta_e_2000(lab(one), lab(other))
}

fn hue(a: f64, b: f64) -> f64 {
    if a == 0.0 && b == 0.0 { 0.0 } else { b.atan2(a).to_degrees().rem_euclid(360.0) }
}

fn delta_e_2000([l1, a1, b1]: [f64; 3], [l2, a2, b2]: [f64; 3]) -> f64 {
    let seventh = |c: f64| (c.powi(7) / (c.powi(7) + 25f64.powi(7))).sqrt();
    let g = 0.5 * (1.0 - seventh(a1.hypot(b1).midpoint(a2.hypot(b2))));
    let (a1, a2) = (a1 * (1.0 + g), a2 * (1.0 + g));
    let (c1, c2, h1, h2) = (a1.hypot(b1), a2.hypot(b2), hue(a1, b1), hue(a2, b2));
    let grey = c1 * c2 == 0.0;
    let turn = if grey { 0.0 } else { (h2 - h1 + 540.0).rem_euclid(360.0) - 180.0 };
    let (dl, dc, dh) = (l2 - l1, c2 - c1, 2.0 * (c1 * c2).sqrt() * (turn / 2.0).to_radians().sin());
    let (l, c) = (l1.midpoint(l2), c1.midpoint(c2));
    let h = if grey { h1 + h2 } else { (h1 + turn / 2.0).rem_euclid(360.0) };
    let cos = |degrees: f64| degrees.to_radians().cos();
    let t = 1.0 - 0.17 * cos(h - 30.0) + 0.24 * cos(2.0 * h) + 0.32 * cos(3.0 * h + 6.0)
        - 0.20 * cos(4.0 * h - 63.0);
    let sl = 1.0 + 0.015 * (l - 50.0).powi(2) / (20.0 + (l - 50.0).powi(2)).sqrt();
    let (sc, sh) = (1.0 + 0.045 * c, 1.0 + 0.015 * c * t);
    let rt = -2.0 * seventh(c) * (60.0 * (-((h - 275.0) / 25.0).powi(2)).exp()).to_radians().sin();
    ((dl / sl).powi(2) + (dc / sc).powi(2) + (dh / sh).powi(2) + rt * (dc / sc) * (dh / sh)).sqrt()
}

/// The matrix of a picture's Y'CbCr, by the name ffprobe gives it.
pub fn luma_weights(matrix: &str) -> Option<(f64, f64)> {
    match matrix {
        "bt709" => Some((0.2126, 0.0722)),
        "smpte170m" | "bt470bg" => Some((0.299, 0.114)),
        _ => None,
    }
}

/// R'G'B' of limited-range 8-bit Y'CbCr.
pub fn rgb_of([y, u, v]: [f64; 3], (kr, kb): (f64, f64)) -> Rgb {
    let (y, cb, cr) = ((y - 16.0) / 219.0, (u - 128.0) / 224.0, (v - 128.0) / 224.0);
    let (r, b) = (y + 2.0 * (1.0 - kr) * cr, y + 2.0 * (1.0 - kb) * cb);
    [r, (y - kr * r - kb * b) / (1.0 - kr - kb), b]
}

#[test]
fn differences_are_the_published_ones() {
    // Pairs 1, 4, 7, 17 and 25 of Sharma, Wu, Dalal (2005), "The CIEDE2000 Color-Difference Formula".
    for (one, other, published) in [
        ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
        ([50.0, -1.3802, -84.2814], [50.0, 0.0, -82.7485], 1.0000),
        ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
        ([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
        ([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644),
    ] {
        assert!((delta_e_2000(one, other) - published).abs() < 1e-4, "{one:?} {other:?}");
    }
}

#[test]
fn transfers_meet_their_published_points() {
    // Report ITU-R BT.2408 table 1: diffuse white of 203 nits is 58 % PQ and 75 % HLG.
    assert!((pq(203.0) - 0.58).abs() < 0.002 && (pq(1_000.0) - 0.7518).abs() < 0.0005);
    assert!((hlg([203.0; 3])[0] - 0.75).abs() < 0.003 && (hlg([1_000.0; 3])[0] - 1.0).abs() < 0.001);
    assert!((nits_of_pq(pq(26.0)) - 26.0).abs() < 1e-6);
}
