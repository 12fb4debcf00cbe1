"""What people and models call each kind of distortion, as regular expressions: the vocabulary of `lexicon`.

The expressions are for text in lower case with one space for any white space, hyphen or slash. Words that may stand for
several kinds are given to the most common one: artifacts of no stated origin are compression, jitter is camera shake,
washed out is low contrast, jagged edges are pixelation.
"""

from __future__ import annotations

ARTIFACTS = r"art[ei]fact(?:s|ing)?"

_COLOURS = r"colou?r(?:s|ing|ation)?"
_IS = r"(?:(?:is|are|was|were|looks?|looked|appears?|appeared|seems?|seemed|feels?|becomes?|being)(?: to be)? )"
_RATHER = (
    r"(?:(?:a (?:bit|little)|bit|somewhat|slightly|very|quite|rather|too|overly|so|fairly|pretty|really|noticeably"
    r"|visibly|strongly|severely|heavily|extremely|excessively|clearly|obviously|partly|mildly|moderately) ){0,2}"
)
_BE = _IS + _RATHER
_PICTURE = r"(?:picture|image|video|footage|frames?|scene|shot|clip|view)"
_TOO = r"(?:too|overly|excessively|unnaturally|unnecessarily)"
_FEW = r"(?:low|lower|poor|insufficient|limited|reduced|inadequate)"
_LACKS = r"(?:lack of|loss of|lost|lacks|lacking)(?: in)?"
_NOT = (
    r"(?:not|never|hardly|barely|scarcely|far from|less than)"
    r"(?: (?:very|quite|entirely|fully|completely|particularly|really|that|so|perfectly|always|at all))?"
)
_FAULTS = r"(?:errors?|problems?|issues?|faults?)"
_WRONG = r"(?:wrong|off|out|incorrect|inaccurate|faulty|inconsistent|skewed|unnatural|poor|bad|flawed)"
_ODD = (
    r"(?:unnatural(?:ly \w+)?|unrealistic|(?:over|under|de) ?saturated|garish|exaggerated|(?:too|overly) vivid|dull"
    r"|faded|fading|pale|muted|off|wrong|distorted|strange|artificial|lifeless)"
)
_MOVEMENT = r"(?:motion|movements?|moving)"

SYNONYMS: dict[str, tuple[str, ...]] = {
    "compression": (
        r"(?:over ?|re)?compress(?:ion|ed)(?: (?:noise|smear(?:s|ing)?|loss(?:es)?|distortions?|blocks|blur(?:ring)?))?",
        r"mosquito noise|ringing",
        r"block(?:y|iness|ing)(?! (?:out|the|his|her|my|our|their|its|access|part of|your|an?)\b)",
        r"macro ?block(?:s|ing|y)?|(?:visible|coarse|square|coding|noticeable|8 ?x ?8) blocks",
        rf"{_FEW} bit ?rates?|bit ?rate {_BE}(?:low|insufficient|inadequate)|quanti[sz]ation(?: {_FAULTS})?",
        rf"(?:encoding|encoder|coding|codec|quanti[sz]ation|bit ?rate|jpe?g|mpeg|digital) {ARTIFACTS}",
        rf"{ARTIFACTS}(?!,? (?:such as|like|including|from|of|due to|caused by|related to|in the form of)\b)",
    ),
    "blur": (
        r"(?:de ?focus |gaussian |focus |focal |lens )?blur(?:s|red|ry|rier|riness|ring)?",
        r"(?:out of|lack of|lacks|poor|poorly in|missed|loss of|wrong|imperfect|soft) focus",
        rf"(?:un|mis|de) ?focus(?:s?ed|s?ing)?|focus {_BE}(?:soft|off|wrong|missed|poor|lost)|focus(?:ing)? {_FAULTS}",
        rf"(?:un|im)sharp(?:ness)?(?! mask)|{_LACKS} (?:sharpness|crispness|acuity)|{_FEW} sharpness",
        rf"{_NOT} (?:a )?sharp(?:ly)?(?: (?:focused|defined|in focus))?|sharpness {_BE}(?:poor|low|reduced|lacking)",
        rf"{_NOT} (?:in (?:sharp |proper )?focus|(?:well )?focused)|fuzz(?:y|iness)",
        r"softness|soft (?:details?|edges|outlines|image|picture|footage|video|looking)",
        rf"(?:{_PICTURE}|details?|edges|outlines|it) {_BE}soft(?! (?:light|colou?r|tone|pastel|glow|shadow)\w*)",
    ),
    "motion blur": (
        r"(?:motion|movement|directional|camera) blur(?:red|ry|ring|riness)?|motion smear(?:s|ing|ed)?",
        r"blur(?:red|ry|ring|riness)? (?:by|from|due to|caused by|because of|through|of|along|in) "
        rf"(?:(?:the|its|own|fast|rapid|quick|camera|subject) )*{_MOVEMENT}",
    ),
    "camera shake": (
        r"(?:camera |hand ?held |hand |frame |image )?shak(?:e|es|y|ing|iness|ier)",
        r"shook|jitter(?:s|y|ing|iness)?|wobbl(?:e|es|y|ing|iness)|trembl(?:es|ing|y)|camera tremors?",
        r"unstead(?:y|iness|ily)|unstable|instability|un ?stabili[sz]ed|poor (?:stability|stabili[sz]ation|steadiness)",
        rf"{_NOT} (?:well )?(?:stable|steady|stabili[sz]ed)|{_LACKS} (?:stability|stabili[sz]ation|steadiness)",
    ),
    "noise": (
        r"(?:(?:colou?r|chroma|luma|luminance|image|video|sensor|digital|visual|gaussian|impulse|random) )?noise",
        r"nois(?:y|iness|ier)|(?:film )?grain(?:y|iness|ier)?|salt and pepper(?: noise)?",
        r"speckl(?:e|es|ed|ing)|(?:(?:colou?r|coloured|colored|bright|dark|random|white|black) )?specks",
    ),
    "smearing": (
        r"smear(?:s|y|ed|ing)?|smudg(?:e|es|y|ed|ing)|over ?smooth(?:ed|ing|ness)?|waxy",
        rf"{_TOO} smooth(?:ed)?(?! (?:motion|camera|movement))",
        r"oil paint(?:ing|ed)?|painterly|water ?colou?rs?(?: (?:effect|look))?",
        r"plastic(?:ky)? (?:look(?:ing)?|skin|faces?|appearance)",
        r"(?:(?:heavy|aggressive|strong|excessive|too much) )*(?:noise (?:reduction|removal|filtering)|de ?nois(?:ed|ing))",
    ),
    "underexposure": (
        rf"under ?expos(?:ed|ure|ing)|{_TOO} (?:dark|dim)(?:ly lit)?",
        r"(?:poorly|insufficiently|inadequately|badly) (?:lit|illuminated|exposed)",
        r"(?:insufficient|inadequate) (?:light(?:ing)?|illumination|exposure|brightness)",
        r"(?:lack of|lacks|lacking) (?:brightness|exposure|light(?:ing)?|illumination)",
        r"(?:crushed|blocked up|clipped) (?:shadows|blacks)|(?:shadows|blacks) (?:are|is|look) crushed",
        r"(?:lost|hidden|disappears?|vanish(?:es)?) in (?:the )?(?:shadows?|dark(?:ness)?|blacks?)",
    ),
    "overexposure": (
        rf"over ?expos(?:ed|ure|ing)|{_TOO} bright",
        r"excessive (?:brightness|exposure|light(?:ing)?)|too much (?:light|brightness|exposure)",
        r"blown (?:out )?(?:highlights?|whites?|skies|sky|areas)|(?:blown|burn(?:t|ed)) out",
        r"(?:clipped|washed out|burn(?:t|ed) out|lost) highlights?|highlight clipping",
        r"highlights? (?:are |is |look )?(?:clipped|blown|lost|washed out)",
    ),
    "colour cast": (
        r"(?:(?:colou?r|yellow|blue|green|red|orange|magenta|pink|purple|warm|cold|cool|\w+ish) )?"
        r"(?:casts?|tint(?:s|ed)?|tinge[ds]?)",
        rf"{_WRONG} (?:white|colou?r) balance|(?:white|colou?r) balance (?:{_BE}{_WRONG}|{_FAULTS})|colou?r shifts?",
    ),
    "low contrast": (
        rf"(?:{_FEW}|weak|little|lowered|flat|{_LACKS}) contrast",
        rf"contrast {_BE}(?:low|poor|weak|reduced|lacking|insufficient|flat|limited)",
        rf"washed out(?: {_COLOURS}| tones?| look)?|wash(?:es|ing)? out the (?:{_PICTURE}|{_COLOURS}|tones)",
        r"(?:grey|gray|white|milky|hazy) (?:veil|haze)|veil(?:s|ed)?|milky",
        rf"hazy (?:look|{_PICTURE}|appearance)|{_PICTURE} {_BE}hazy",
    ),
    "oversharpening": (
        r"over ?sharp(?:en(?:ed|ing)?|ness)?|sharpening(?: halos?)?|halo(?:s|es|ing)?|edge enhancement",
        rf"(?:{_TOO}|excessive|aggressive|strong|too much|heavy|artificial|artificially) sharp(?:en(?:ed|ing))?",
    ),
    "unnatural colours": (
        rf"{_ODD}(?:,? (?:or|and))? (?:{_ODD} )?(?:looking )?{_COLOURS}",
        rf"{_COLOURS} {_BE}(?:(?:and|or|too|{_ODD}) )*(?:{_ODD}|too (?:strong|weak|vivid|intense))",
        r"(?:over|under|de) ?saturat(?:ed|ion|ing)",
        rf"(?:{_FEW}|excessive|too much|too little|lacks?|lack of|exaggerated) (?:colou?r )?saturation",
        rf"saturation {_BE}(?:high|low|excessive|exaggerated|weak|strong|off)",
        r"colou?r (?:distortions?|inaccurac(?:y|ies)|infidelity|fading)|fad(?:ed|ing) of (?:the )?colou?rs?",
        rf"{_NOT} (?:natural|true) colou?rs?|{_COLOURS} (?:is|are|do) {_NOT} (?:look )?(?:natural|true|realistic|right)",
        r"discolou?r(?:ed|ation)|(?:lack|loss) of colou?r(?! (?:noise|cast|band))",
    ),
    "low resolution": (
        rf"(?:{_FEW}|{_LACKS}) (?:(?:spatial|native|image|video) )?(?:res(?:olution)?|definition)",
        rf"resolution {_BE}(?:low|poor|insufficient|limited|reduced|lost)|enlarged from (?:a )?(?:small|lower|low)",
        r"(?:(?:softness|blur|loss of (?:fine )?detail) from )?(?:up ?(?:scal(?:ed|ing)|sampl(?:ed|ing))|low resolution)",
    ),
    "pixelation": (
        r"pixel(?:l?at(?:ed|ion|ing|es)|i[sz](?:ed|ation|ing))|(?:anti )?alias(?:ing|ed)",
        r"(?:visible|large|coarse|big|individual|blocks? of) pixels|pixels (?:are|become) (?:\w+ )?visible",
        r"jagged(?:ness| edges)?|jaggies|stair ?(?:step|case)(?:s|ping|ped)?(?: edges)?",
    ),
    "banding": (
        r"(?:colou?r |gradient )?banding|(?:colou?r|visible|grey|gray|tonal|brightness) bands|bands (?:of colou?r|in the)",
        r"posteri[sz](?:ed|ation|ing)|(?:false )?contour(?:s|ing)|visible steps",
        r"steps in (?:the )?(?:gradients?|tones|smooth areas|shading|sky)",
    ),
    "interlacing": (
        rf"(?:de ?)?interlac(?:ed|ing|e)|comb(?:ing|like| like)? (?:teeth|effects?|lines|edges|{ARTIFACTS})|combed edges",
        r"combing(?! (?:his|her|their|its|the|through|hair)\b)|scan ?lines|line flicker",
    ),
    "stutter": (
        r"stutter(?:s|y|ed|ing)?|chopp(?:y|iness)|judder(?:s|y|ing)?|jerk(?:s|y|iness|ily|ing)?|hiccups?",
        r"(?:dropp(?:ed|ing)|skipp(?:ed|ing)|missing|lost) frames|frames? (?:drop(?:s|ping)?|skip(?:s|ping)?|loss(?:es)?)",
        r"frames (?:are|were|get) (?:dropped|skipped|missing|lost)|(?:uneven|broken) motion|lag(?:s|gy|ging)?(?! behind)",
        rf"(?:{_FEW}|unstable|uneven|inconsistent) frame ?rates?|frame ?rate (?:drops|{_BE}low|{_FAULTS})",
        rf"{_NOT} (?:smooth|fluid)(?:ly)?|{_LACKS} (?:smoothness|fluidity)",
    ),
    "freezing": (
        r"freez(?:e|es|ing)(?: frames?)?(?! (?:cold|temperatures?|weather|water|rain|wind)\b)|froze",
        r"frozen(?! (?:lake|river|food|yogh?urt|landscape|ground|water|sea|pond|land|tundra|meat|waterfall|vegetables?"
        r"|fruits?|berries|dessert|treats?)\b)",
        r"stall(?:s|ed|ing)|(?:re ?)?buffering|(?:picture|video|motion) (?:stops|halts|stands still)",
    ),
    "transmission errors": (
        rf"transmission (?:{_FAULTS}|losses|distortions?|{ARTIFACTS})|error concealment",
        r"(?:packets?|data|signal|slice) loss(?:es)?|(?:lost|missing) (?:packets?|data|slices)",
        rf"(?:decoding|decoder|bit ?stream|network|streaming|stream|signal) {_FAULTS}|glitch(?:es|y|ing|ed)?",
        rf"corrupt(?:ed|ion|ions)?(?: (?:blocks?|areas?|frames?|data|regions?|{ARTIFACTS}))?",
        r"(?:misplaced|displaced|broken|shifted) (?:blocks|slices|lines)",
    ),
}
"""Kind -> expressions; the keys are the kinds of distortion, in the words that this package prints."""

HARMLESS = (
    r"(?:blur(?:red|ry)?|soft(?:ly)?(?: blurred)?|out of focus|de ?focused|unfocused) (?:\w+ )?back(?:ground|drop)s?",
    rf"back(?:ground|drop) (?:blur|{_BE}(?:\w+ )?(?:blur(?:red|ry)|out of focus|soft|unfocused|smooth))",
    r"shallow depth of field|bokeh|(?:dark|bright|black|white) background",
    r"(?:audio|sound|background|ambient|street|traffic|wind|engine|crowd|city|loud) nois(?:e|es)",
    r"nois(?:e|y) (?:of|from) (?:the )?(?:crowd|traffic|street|engine|city|people|machine)s?",
    r"(?:wood|whole|wheat|rice|sand) grain|grain (?:field|of (?:sand|rice|wood)|silo|bread)s?",
    r"(?:motion|lens|flare|film|museum|cultural|ancient|historical|ghosting|moir[eé]|flicker(?:ing)?|rolling shutter"
    rf"|stitching) {ARTIFACTS}",
    r"milk ?shakes?|hand ?shakes?|shak\w+ (?:hands|(?:his|her|its|their|your) (?:heads?|hands?|tails?|body|bodies))",
    r"(?:food|market|bathroom|shower|horse|street) stalls?|stall holders?",
    r"casts? (?:a |an |of |long |the |no )*(?:shadows?|members?|light|iron|glow|doubt|the)|the cast",
    rf"muted (?:colou?r )?(?:palette|{_COLOURS} palette|tones)|vivid {_COLOURS}",
)
"""Phrases of the same words that say nothing against the picture."""
