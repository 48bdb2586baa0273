import time

import pytest

from mailcli.mime import html, striphtml


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<div>one</div><div><br></div><div>two<br></div><div>three</div>", "one\n\ntwo\nthree"),
        ("a  b\n c<br>d&nbsp;&amp;&nbsp;e", "a b c\nd & e"),
        ("<p class=MsoNormal>one</p><p class=MsoNormal>&nbsp;</p><p class=MsoNormal>two</p>", "one\n\ntwo"),
        ("<h1>Title</h1><p>x</p>", "Title\n=====\n\nx"),
        ("<ul><li>a<li>b<ul><li>c</ul></ul>", "  * a\n  * b\n    * c"),
        ("<ol start=3><li>a<li>b</ol>", "  3. a\n  4. b"),
        ("<blockquote>a<blockquote>b</blockquote></blockquote>c", "> a\n> > b\n\nc"),
        ('<div style="border:none;border-left:solid blue 1.5pt;padding:0">a</div>', "> a"),
        ('<blockquote style="border:none;margin:0 0 0 40px">a</blockquote>', "    a"),
        ("<pre>\n a\n  b</pre>", " a\n  b"),
        ('<a href="https://x.org/a">here</a> and <a href="https://x.org/a">there</a>',
         "here [1] and there [1]\n\n[1] https://x.org/a"),
        ('<a href="https://x.org/">https://x.org</a>', "https://x.org"),
        ('<a href="mailto:a@b.c">a@b.c</a>', "a@b.c"),
        ('<a href="javascript:x()">x</a> <a href="#y">y</a>', "x y"),
        ('<a href="https://a.safelinks.protection.outlook.com/?url=https%3A%2F%2Fx.org%2F&amp;data=1">x</a>',
         "x [1]\n\n[1] https://x.org/"),
        ('a<img src="https://t/p.gif" width="1" height="1" alt="t">b', "ab"),
        ('<img src="cid:1"> <img src="https://x/y"> <img alt="a cat">', "[image] [a cat]"),
        ('<div style="display:none">hidden</div><span style="font-size:0px">no</span>shown', "shown"),
        ("<style>p{}</style><script>x</script><!-- c --><title>t</title>shown", "shown"),
        ("<table><tr><td>a</td></tr><tr><td>b</td></tr></table>", "a\nb"),
        ("<table><tr><th>Name</th><th>Qty</th></tr><tr><td>Pear</td><td>2</td></tr></table>",
         "Name  Qty\n----  ---\nPear  2"),
        ("x<o:p></o:p>y", "xy"),
        ("", ""),
        ("<", "<"),
        ("a < b", "a < b"),
    ],
)  # fmt: skip
def test_html_reads_like_text(source: str, text: str) -> None:
    assert html.render(source) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("<b>H</b>ello", "Hello"),
        ("<td>a</td><td>b</td>", "a b"),
        ("<style>p{}</style><script>if (a<b) x</script><!-- <p>c</p> -->shown", "shown"),
        ('<div style="display:none">hidden</div>shown', "shown"),
        ("&lt;b&gt; &uuml; &#65;", "<b> ü A"),
        ("a < b > c", "a < b > c"),
        ("<style>never closed", "never closed"),
        ("sh\u00ady", "shy"),
    ],
)
def test_the_index_has_the_words_of_html(source: str, text: str) -> None:
    assert striphtml.strip(source) == text


@pytest.mark.parametrize(
    "source",
    [
        "<" * 300_000,
        "<div" * 60_000,
        "<div>" * 60_000,
        "<span>" * 50_000,
        "<blockquote>" * 390 + "<p>y" * 10_000,
        "<!--" * 60_000,
        "<style>" * 40_000,
        "<select>" + "<option>" * 40_000,
        "<a " + " ".join(f"a{n}=1" for n in range(30_000)) + ">",
        "<div " + "style=" * 50_000,
        '<p style="' + "display : " * 30_000 + '">x',
        "".join(f"<b id={n}>" for n in range(390)) + "<p>x" * 20_000,
        "<table>" * 20_000,
        "<table>" + "<tr><td>a<td>b" * 15_000,
        "&" * 200_000,
    ],
    ids=lambda source: source[:16],
)
def test_no_html_takes_long(source: str) -> None:
    begun = time.process_time()
    html.render(source)
    striphtml.strip(source)
    assert time.process_time() - begun < 2.0


def test_a_list_laid_straight_into_a_list_is_one_level_deeper() -> None:
    """As Outlook writes what was indented by hand."""
    source = (
        "<ul><li>one</li><ul><li>deeper</li><ol><li>deepest</li></ol></ul>"
        "<li>two<ul><li>inside</li></ul></li></ul>"
    )
    assert html.render(source).split("\n") == [
        "  * one",
        "    * deeper",
        "      1. deepest",
        "  * two",
        "    * inside",
    ]
