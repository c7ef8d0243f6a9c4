"""Names of languages in media files: ISO 639-1 ("en"), both variants of ISO 639-2 ("ger", "deu"), tags ("en-US")."""

# ISO 639-2/T, then the other names of the same language: ISO 639-1, withdrawn ones, ISO 639-2/B.
NAMES = """
aar aa|abk ab|afr af|aka ak|amh am|ara ar|arg an|asm as|ava av|ave ae|aym ay|aze az|bak ba|bam bm|bel be|ben bn|bih bh
bis bi|bod bo tib|bos bs|bre br|bul bg|cat ca|ces cs cze|cha ch|che ce|chu cu|chv cv|cor kw|cos co|cre cr|cym cy wel
dan da|deu de ger|div dv|dzo dz|ell el gre|eng en|epo eo|est et|eus eu baq|ewe ee|fao fo|fas fa per|fij fj|fin fi
fra fr fre|fry fy|ful ff|gla gd|gle ga|glg gl|glv gv|grn gn|guj gu|hat ht|hau ha|heb he iw|her hz|hin hi|hmo ho|hrv hr
hun hu|hye hy arm|ibo ig|ido io|iii ii|iku iu|ile ie|ina ia|ind id in|ipk ik|isl is ice|ita it|jav jv jw|jpn ja|kal kl
kan kn|kas ks|kat ka geo|kau kr|kaz kk|khm km|kik ki|kin rw|kir ky|kom kv|kon kg|kor ko|kua kj|kur ku|lao lo|lat la
lav lv|lim li|lin ln|lit lt|ltz lb|lub lu|lug lg|mah mh|mal ml|mar mr|mkd mk mac|mlg mg|mlt mt|mon mn|mri mi mao
msa ms may|mya my bur|nau na|nav nv|nbl nr|nde nd|ndo ng|nep ne|nld nl dut|nno nn|nob nb|nor no|nya ny|oci oc|oji oj
ori or|orm om|oss os|pan pa|pli pi|pol pl|por pt|pus ps|que qu|roh rm|ron ro rum mo|run rn|rus ru|sag sg|san sa|sin si
slk sk slo|slv sl|sme se|smo sm|sna sn|snd sd|som so|sot st|spa es|sqi sq alb|srd sc|srp sr|ssw ss|sun su|swa sw
swe sv|tah ty|tam ta|tat tt|tel te|tgk tg|tgl tl|tha th|tir ti|ton to|tsn tn|tso ts|tuk tk|tur tr|twi tw|uig ug
ukr uk|urd ur|uzb uz|ven ve|vie vi|vol vo|wln wa|wol wo|xho xh|yid yi ji|yor yo|zha za|zho zh chi|zul zu
"""

CODES = {name: names.split()[0] for line in NAMES.split("\n") for names in line.split("|") for name in names.split()}


def language_code(name: str) -> str:
    """Return the ISO 639-2/T code of a language, "" for none: "eng" of "en", "EN-us" and "eng"; others as written."""
    first = name.strip().lower().replace("_", "-").partition("-")[0]
    return "" if first == "und" else CODES.get(first, first)
